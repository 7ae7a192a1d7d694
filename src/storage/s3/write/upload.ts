import { randomUUID } from 'node:crypto';
import { anySignal, unlessAborted } from '../../../retry/signals.ts';
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

const MAX_PARTS = 10_000;
/**
 * Uploads one object. Holds its beginning back, so that a small object takes one PutObject; a larger one becomes a multipart
 * upload.
 */
export class S3Upload implements Upload {
  accepted = false;
  readonly #caller: Caller;
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
  #senders: SenderThreads | undefined;
  #creation: Promise<UploadRef> | undefined;
  #nextPart = 1;
  #sizeBytes = 0;
  #failure: unknown;
  readonly #completion: Completion = { state: 'not sent' };
  #published = false;
  #aborting: Promise<void> | undefined;

  constructor(caller: Caller, name: string, options: UploadOptions) {
    this.#caller = caller;
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

  get queued(): number {
    return this.#inFlight.queued(this.#partBytes);
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
    await this.#sticky(async () => {
      if (this.#gatherer.takeRest())
        throw new Error('a range cannot be copied behind bytes that were written');
      checkCopySupport(this.#caller);
      await checkSource(this.#caller, source, this.#partSignal);
      for (const piece of copyRanges(range)) {
        await this.#launch(0, (upload, number) =>
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
      this.#published = true;
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
      this.#acknowledged(whole.sizeBytes);
      return;
    }
    if (rest) await this.#send(rest);
    await this.#drain();
    await this.#senders?.close();
    const parts = this.#parts.toSorted((a, b) => a.PartNumber - b.PartNumber);
    await completeUpload(this.#caller, publication, await this.#creation, parts, this.#completion);
  }

  /** Resolves when the part is in flight, not when it is stored. */
  #send(part: PartBytes): Promise<void> {
    return this.#sticky(() =>
      this.#launch(part.sizeBytes, async (upload, number, sending) => {
        const body = this.#bodyOf(part, number);
        try {
          const stored = await uploadPart(this.#caller, upload, number, body, sending, this.#partSignal);
          this.#acknowledged(body.sizeBytes);
          return stored;
        } finally {
          body.release();
        }
      }),
    );
  }

  /** The first part is sent from this thread: an object of few parts takes less time than the start of another one. */
  #bodyOf(part: PartBytes, number: number): PartBody {
    const { senders = 0 } = this.#options;
    if (senders === 0 || number === 1) return ownBody(part);
    this.#senders ??= new SenderThreads(senders, this.#caller.connectionSettings);
    return this.#senders.hold(part);
  }

  /** Starts a part request. `heldBytes` stay in memory until the part is stored. */
  async #launch(
    heldBytes: number,
    store: (upload: UploadRef, number: number, sending: SendingPart) => Promise<StoredPart>,
  ): Promise<void> {
    // An upload that begins after the abort would never be aborted
    this.#check();
    const number = this.#nextPart++;
    if (number > MAX_PARTS) {
      throw new StoreUnavailableError(
        `${this.#name} needs more than ${MAX_PARTS} parts: set a larger upload-chunk-size`,
      );
    }
    // Not tied to the parts' signal: without its id an upload cannot be aborted
    this.#creation ??= createUpload(this.#caller, this.#name, this.#saveId);
    const upload = await unlessAborted(this.#creation, this.#partSignal);
    await this.#inFlight.roomFor(heldBytes);
    this.#check();
    const sending = { sizeBytes: heldBytes, sentBytes: 0 };
    const request = store(upload, number, sending).then(
      stored => {
        this.accepted = true;
        this.#parts.push(stored);
      },
      error => this.#fail(error),
    );
    this.#inFlight.add(sending, request);
  }

  async #drain(): Promise<void> {
    await this.#inFlight.ended();
    this.#check();
  }

  #acknowledged(count: number): void {
    this.accepted = true;
    this.#options.onBytes?.(count);
  }

  async #sticky<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#fail(error);
      throw this.#failure;
    }
  }

  /** Keeps the first failure and destroys the requests in flight. */
  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#destroyed.abort(this.#failure);
  }

  #check(): void {
    this.#options.signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#published) throw new Error('the upload is complete');
  }

  async #abort(): Promise<void> {
    if (this.#published) return;
    this.#fail(new Error('the upload was aborted'));
    await this.#inFlight.ended();
    await this.#senders?.close();
    this.#gatherer.takeRest();
    if (!this.#creation) return;
    await abandonUpload(this.#caller, this.#name, this.#creation, this.#completion, this.#options.signal);
  }
}
