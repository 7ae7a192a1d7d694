import net from 'node:net';
import { Transform } from 'node:stream';
import { type LocalServer, listen } from './listen.ts';

/** Passes bytes on at a rate that all connections of one direction share. */
class SharedRate {
  readonly #bytesPerSecond: number;
  /** When the bytes so far have passed, in ms. */
  #freeMs = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  stream(): Transform {
    const passes = (bytes: number) => {
      const begin = Math.max(performance.now(), this.#freeMs);
      this.#freeMs = begin + (bytes / this.#bytesPerSecond) * 1000;
      return this.#freeMs - performance.now();
    };
    return new Transform({
      highWaterMark: 16 * 1024,
      transform(chunk: Buffer, _encoding, next) {
        setTimeout(() => next(null, chunk), passes(chunk.length));
      },
    });
  }
}

/** Starts a link to `host:port` of so many bytes per second in each direction, over all connections together. */
export function startSlowLink(target: string, bytesPerSecond: number): Promise<LocalServer> {
  const [host, port] = target.split(':') as [string, string];
  const up = new SharedRate(bytesPerSecond);
  const down = new SharedRate(bytesPerSecond);
  return listen(
    net.createServer(near => {
      const far = net.connect(Number(port), host);
      far.on('error', () => near.destroy());
      near.on('close', () => far.destroy());
      near.pipe(up.stream()).pipe(far);
      far.pipe(down.stream()).pipe(near);
    }),
  );
}
