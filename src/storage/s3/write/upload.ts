import { randomUUID } from 'node:crypto';
import { anySignal, raceSignal } from '../../../retry/signals.ts';
import type { ByteSpan, ObjectVersion, Upload, UploadOptions } from '../../object-store.ts';
import { StoreUnavailableError } from '../../store-errors.ts';
import type { Caller } from '../calls/caller.ts';
import { ownBody, type PartBody, type PartBytes } from './body.ts';
import { abandonUpload } from './multipart/abandon-upload.ts';
import { type Completion, completeUpload } from './multipart/complete-upload.ts';
import { checkCopySupport, checkSource, copyPart, copyRanges } from './multipart/copy-part.ts';
import { createUpload, type StoredPart, type UploadRef, uploadPart } from './multipart/multipart-calls.ts';
import { PartGatherer } from './multipart/part-gatherer.ts';
import { PartsInFlight, type SendingPart } from './multipart/parts-in-flight.ts';
import { SenderThreads } from './multipart/sender-threads.ts';
import type { Publication } from './publication.ts';
import { putWhole } from './put-whole.ts';

/** S3's maximum number of parts. */
const MAX_PARTS = 10_000;

/** An upload of one object: one PutObject for a small object, and a multipart upload for a larger one. */
export class S3Upload implements Upload {
  hasStoredBytes = false;
  readonly #caller: Caller;
  readonly #startMs: number;
  readonly #name: string;
  readonly #options: UploadOptions;
  readonly #saveId = randomUUID();
  readonly #partBytes: number;
  readonly #gatherer: PartGatherer;
  readonly #parts: StoredPart[] = [];
  readonly #inFlight = new PartsInFlight();
  /** Destroys the part requests in flight. */
  readonly #destroyed = new AbortController();
  readonly #partSignal: AbortSignal;
  #senderThreads: SenderThreads | undefined;
  #creation: Promise<UploadRef> | undefined;
  #nextPart = 1;
  #sizeBytes = 0;
  /** Bytes of the parts so far. */
  #partedBytes = 0;
  #failure: unknown;
  readonly #completion: Completion = { state: 'not sent' };
  #isPublished = false;
  #aborting: Promise<void> | undefined;

  constructor(caller: Caller, name: string, options: UploadOptions) {
    this.#caller = caller;
    this.#startMs = caller.clock.now();
    this.#name = name;
    this.#options = options;
    const { partSizeBytes, wholeUpToBytes } = options;
    this.#partBytes = caller.capabilities.fittingBytes(partSizeBytes);
    this.#gatherer = new PartGatherer(
      this.#partBytes,
      wholeUpToBytes && caller.capabilities.fittingBytes(wholeUpToBytes),
    );
    this.#partSignal = anySignal(this.#destroyed.signal, options.signal);
  }

  get queueFill(): number {
    return this.#inFlight.queueFill(this.#partBytes);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#check();
    this.#sizeBytes += bytes.length;
    this.#gatherer.add(bytes);
    for (let part = this.#gatherer.takeFull(); part; part = this.#gatherer.takeFull()) await this.#send(part);
  }

  async copyRange(source: ObjectVersion, range: ByteSpan): Promise<void> {
    this.#check();
    this.#gatherer.cutEarly();
    await this.#failOnError(async () => {
      if (this.#gatherer.takeRest()) throw new Error('a range cannot be copied after bytes were written');
      checkCopySupport(this.#caller);
      await checkSource(this.#caller, source, this.#partSignal);
      for (const piece of copyRanges(range)) {
        await this.#startPart(0, (upload, number) =>
          copyPart(this.#caller, { upload, number, source, range: piece }, this.#partSignal),
        );
      }
      await this.#drain();
      await checkSource(this.#caller, source, this.#partSignal);
    });
    this.#sizeBytes += range.end - range.start;
  }

  async complete(): Promise<void> {
    this.#check();
    try {
      await this.#publish();
      this.#isPublished = true;
    } catch (error) {
      this.#fail(error);
      await this.abort();
      throw error;
    }
  }

  abort(): Promise<void> {
    this.#aborting ??= this.#abort();
    return this.#aborting;
  }

  async #publish(): Promise<void> {
    const rest = this.#gatherer.takeRest();
    const [name, saveId, sizeBytes] = [this.#name, this.#saveId, this.#sizeBytes];
    const publication: Publication = { ...this.#options, name, saveId, sizeBytes };
    if (!this.#creation) {
      const whole = rest ?? { pieces: [], sizeBytes: 0 };
      await putWhole(this.#caller, publication, whole);
      this.hasStoredBytes = true;
      this.#options.onBytes?.(whole.sizeBytes);
      return;
    }
    if (rest) await this.#send(rest);
    await this.#drain();
    await this.#senderThreads?.close();
    const parts = this.#parts.toSorted((a, b) => a.PartNumber - b.PartNumber);
    await completeUpload(this.#caller, publication, await this.#creation, parts, this.#completion);
  }

  /** Starts the request of a part. Resolves when the part is in flight, not when it is stored. */
  #send(part: PartBytes): Promise<void> {
    return this.#failOnError(() =>
      this.#startPart(part.sizeBytes, async (upload, number, sending) => {
        const body = this.#bodyOf(part, number);
        try {
          const stored = await uploadPart(this.#caller, upload, number, body, sending, this.#partSignal);
          this.#options.onBytes?.(body.sizeBytes);
          return stored;
        } finally {
          body.release();
        }
      }),
    );
  }

  /** Makes the body of a part. This thread sends the first part, because the SDK makes its request and needs the body here. */
  #bodyOf(part: PartBytes, number: number): PartBody {
    const { senders } = this.#options;
    this.#partedBytes += part.sizeBytes;
    if (!senders || number === 1) return ownBody(part);
    const seconds = (this.#caller.clock.now() - this.#startMs) / 1000;
    if (!this.#senderThreads && this.#partedBytes < seconds * senders.fromBytesPerSecond)
      return ownBody(part);
    this.#senderThreads ??= new SenderThreads(senders.maxThreads, this.#caller.connectionSettings);
    return this.#senderThreads.transfer(part);
  }

  /** Starts the request of a part. The part takes `bytesInMemory` until the request has ended. */
  async #startPart(
    bytesInMemory: number,
    store: (upload: UploadRef, number: number, sending: SendingPart) => Promise<StoredPart>,
  ): Promise<void> {
    // An upload that is created after the abort would never be aborted
    this.#check();
    const number = this.#nextPart++;
    if (number > MAX_PARTS) {
      throw new StoreUnavailableError(
        `${this.#name} needs more than ${MAX_PARTS} parts: set a larger upload-chunk-size`,
      );
    }
    // Does not end with the signal of the parts, because the abort of the upload needs its id
    this.#creation ??= createUpload(this.#caller, this.#name, this.#saveId);
    const upload = await raceSignal(this.#creation, this.#partSignal);
    await this.#inFlight.waitForRoom(bytesInMemory);
    this.#check();
    const sending = { sizeBytes: bytesInMemory, sentBytes: 0 };
    const request = store(upload, number, sending).then(
      stored => {
        this.hasStoredBytes = true;
        this.#parts.push(stored);
      },
      error => this.#fail(error),
    );
    this.#inFlight.add(sending, request);
  }

  /** Waits until no part is in flight. Throws the first failure. */
  async #drain(): Promise<void> {
    await this.#inFlight.waitForAll();
    this.#check();
  }

  /** Runs `work`. If it fails, the upload fails, and this throws the upload's first failure. */
  async #failOnError(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fail(error);
      throw this.#failure;
    }
  }

  /** Keeps the first failure, and destroys the part requests in flight. */
  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#destroyed.abort(this.#failure);
  }

  /** Throws if the upload was cancelled, has failed or is complete. */
  #check(): void {
    this.#options.signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isPublished) throw new Error('the upload is complete');
  }

  async #abort(): Promise<void> {
    if (this.#isPublished) return;
    this.#fail(new Error('the upload was aborted'));
    await this.#inFlight.waitForAll();
    await this.#senderThreads?.close();
    this.#gatherer.takeRest();
    if (!this.#creation) return;
    await abandonUpload(this.#caller, this.#name, this.#creation, this.#completion, this.#options.signal);
  }
}
