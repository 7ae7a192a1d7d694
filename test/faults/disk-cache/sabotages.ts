import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import path from 'node:path';
import { incompressible, type SeededRandom } from '../../support/random.ts';

/** The directory of a disk cache, in the hands of a job that means harm. */
export interface Victim {
  readonly directory: string;
  /** A file outside that no job may change or read. */
  readonly secret: string;
  readonly random: SeededRandom;
}

/** Changes the directory. Throws when another process was faster. */
export type Sabotage = (victim: Victim) => void;

const FRAME = /^[0-9a-f]{64}$/;
const CLAIM = /^[0-9a-f]{64}\.part[2-9]?$/;
const CLAIM_ENDINGS = ['', 2, 3, 4, 5, 6, 7, 8, 9].map(number => `.part${number}`);
const OTHER_USER = 65_533;

/**
 * Returns the regular file of one of the frames: a FIFO would block this process. Throws if there is none. A second name of
 * the secret is none: the sabotage itself would change that.
 */
function anyFrame({ directory, secret, random }: Victim): string {
  const { ino } = fs.lstatSync(secret);
  const isOwn = (name: string) => {
    const stats = fs.lstatSync(path.join(directory, name));
    return stats.isFile() && stats.ino !== ino;
  };
  const names = fs.readdirSync(directory).filter(name => FRAME.test(name) && isOwn(name));
  if (names.length === 0) throw new Error('there is no frame');
  return path.join(directory, random.pick(names));
}

/** Replaces a frame by what `make` makes in its place. */
const replacing =
  (make: (file: string, victim: Victim) => void): Sabotage =>
  victim => {
    const file = anyFrame(victim);
    fs.rmSync(file, { recursive: true, force: true });
    make(file, victim);
  };

function randomName({ random }: Victim): string {
  return Array.from({ length: 64 }, () => random.below(16).toString(16)).join('');
}

/** Makes claims on all frames, before any job does. */
function claimAll({ directory }: Victim, make: (file: string) => void, endings = ['.part']): void {
  for (const name of fs.readdirSync(directory).filter(name => FRAME.test(name))) {
    fs.rmSync(path.join(directory, name), { recursive: true, force: true });
    for (const ending of endings) {
      // An earlier sabotage may have left a link to the secret
      fs.rmSync(path.join(directory, name + ending), { recursive: true, force: true });
      make(path.join(directory, name + ending));
    }
  }
}

function makeClaimOfOther(file: string): void {
  fs.writeFileSync(file, '', { flag: 'wx' });
  fs.chownSync(file, OTHER_USER, OTHER_USER);
}

export const sabotages: Readonly<Record<string, Sabotage>> = {
  'flip a bit': victim => {
    const file = anyFrame(victim);
    const fd = fs.openSync(file, fs.constants.O_RDWR | fs.constants.O_NONBLOCK | fs.constants.O_NOFOLLOW);
    try {
      const at = victim.random.below(Math.max(1, fs.fstatSync(fd).size));
      const byte = Buffer.alloc(1);
      fs.readSync(fd, byte, 0, 1, at);
      fs.writeSync(fd, Buffer.of(byte[0]! ^ 1), 0, 1, at);
    } finally {
      fs.closeSync(fd);
    }
  },
  cut: victim => fs.truncateSync(anyFrame(victim), victim.random.below(1_000_000)),
  empty: victim => fs.truncateSync(anyFrame(victim)),
  append: victim => fs.appendFileSync(anyFrame(victim), 'x'),
  'other bytes of the same size': victim => {
    const file = anyFrame(victim);
    // An earlier sabotage may have made it huge
    fs.writeFileSync(file, incompressible(Math.min(fs.statSync(file).size, 20_000_000), 'other'));
  },
  'sparse and huge': victim => fs.truncateSync(anyFrame(victim), 2 ** 38),
  'no data, of another user': victim => {
    const file = anyFrame(victim);
    const { size } = fs.statSync(file);
    fs.truncateSync(file);
    fs.truncateSync(file, size);
    fs.chownSync(file, OTHER_USER, OTHER_USER);
  },
  delete: victim => fs.rmSync(anyFrame(victim)),
  'delete all': ({ directory }) => {
    for (const name of fs.readdirSync(directory)) fs.rmSync(path.join(directory, name), { recursive: true });
  },
  'delete all claims': ({ directory }) => {
    for (const name of fs.readdirSync(directory).filter(name => CLAIM.test(name)))
      fs.rmSync(path.join(directory, name));
  },
  'swap two frames': victim => {
    const [one, two] = [anyFrame(victim), anyFrame(victim)];
    fs.renameSync(one, `${one}.swap`);
    fs.renameSync(two, one);
    fs.renameSync(`${one}.swap`, two);
  },
  'link to a secret': replacing((file, { secret }) => fs.symlinkSync(secret, file)),
  'link to nothing': replacing(file => fs.symlinkSync('/nowhere/at/all', file)),
  'link to itself': replacing(file => fs.symlinkSync(file, file)),
  'link to a device': replacing(file => fs.symlinkSync('/dev/zero', file)),
  'hard link to a secret': replacing((file, { secret }) => fs.linkSync(secret, file)),
  FIFO: replacing(file => void spawnSync('mkfifo', [file])),
  'directory with content': replacing(file => {
    fs.mkdirSync(file);
    fs.writeFileSync(path.join(file, 'x'), '');
  }),
  'no rights': victim => fs.chmodSync(anyFrame(victim), 0),
  'other owner': victim => fs.chownSync(anyFrame(victim), OTHER_USER, OTHER_USER),
  'future time': victim => fs.utimesSync(anyFrame(victim), 5e9, 5e9),
  'old time': victim => fs.utimesSync(anyFrame(victim), 0, 0),
  'claims without a holder': victim => claimAll(victim, file => fs.writeFileSync(file, '')),
  'claims of another user': victim => claimAll(victim, makeClaimOfOther),
  'claims of another user under all names': victim => claimAll(victim, makeClaimOfOther, CLAIM_ENDINGS),
  'claims that are links to a secret': victim =>
    claimAll(victim, file => fs.symlinkSync(victim.secret, file)),
  'claims that are hard links to a secret': victim =>
    claimAll(victim, file => fs.linkSync(victim.secret, file)),
  'claims that are FIFOs': victim => claimAll(victim, file => void spawnSync('mkfifo', [file])),
  'claims that are directories': victim => claimAll(victim, file => fs.mkdirSync(file)),
  'links in place of all claims': ({ directory, secret }) => {
    for (const name of fs.readdirSync(directory).filter(name => CLAIM.test(name))) {
      fs.rmSync(path.join(directory, name));
      fs.symlinkSync(secret, path.join(directory, name));
    }
  },
  'junk with frames’ names': victim => {
    for (let count = 0; count < 4; count++)
      fs.writeFileSync(path.join(victim.directory, randomName(victim)), incompressible(7e6, 'junk'));
  },
  'junk with other names': ({ directory }) => {
    for (const name of ['a\n::error::b', '-rf', '.part', ' ', 'ä'.repeat(100), 'a'.repeat(255)])
      fs.writeFileSync(path.join(directory, name), 'junk');
  },
  'fill the disk': ({ directory }) => {
    const fd = fs.openSync(path.join(directory, 'fill'), 'w');
    const block = Buffer.alloc(1 << 20);
    try {
      for (;;) fs.writeSync(fd, block);
    } finally {
      fs.closeSync(fd);
    }
  },
  'read-only directory': ({ directory }) => fs.chmodSync(directory, 0o555),
  'directory without rights': ({ directory }) => fs.chmodSync(directory, 0),
  'directory of another user': ({ directory }) => fs.chownSync(directory, OTHER_USER, OTHER_USER),
  'no directory': ({ directory }) => fs.renameSync(directory, `${directory}.away`),
  'another directory': ({ directory }) => {
    const { mode } = fs.statSync(directory);
    fs.renameSync(directory, `${directory}.away`);
    fs.mkdirSync(directory);
    fs.chmodSync(directory, mode);
  },
  'a file in place of the directory': ({ directory }) => {
    fs.renameSync(directory, `${directory}.away`);
    fs.writeFileSync(directory, '');
  },
  'a link in place of the directory': ({ directory }) => {
    fs.renameSync(directory, `${directory}.away`);
    // Later sabotages of the round go there too: never a directory of the system
    fs.mkdirSync(`${directory}.decoy`, { recursive: true });
    fs.symlinkSync(`${directory}.decoy`, directory);
  },
};

/** A sabotage that takes seconds: it is done rarely. */
export const hundredThousandFiles: Sabotage = victim => {
  for (let count = 0; count < 50_000; count++) {
    fs.writeFileSync(path.join(victim.directory, `junk-${count}`), '');
    fs.writeFileSync(path.join(victim.directory, count.toString(16).padStart(64, 'e')), '');
  }
};
