/** Runs a command with system calls that the kernel refuses, as a file system without these features does. */

import { spawnSync } from 'node:child_process';
import { arch } from 'node:process';

/** Numbers of system calls (linux/unistd.h) by architecture. glibc and libuv choose among those of a group. */
const CALLS = {
  x64: {
    chown: [92, 93, 94, 260],
    chmod: [90, 91, 268, 452],
    utimes: [280],
    symlink: [88, 266],
    link: [86, 265],
  },
  arm64: { chown: [54, 55], chmod: [52, 53, 452], utimes: [88], symlink: [36], link: [37] },
} as const;

export type Syscall = keyof (typeof CALLS)['x64'];

const ERRNO = { EPERM: 1, EINVAL: 22, ENOSYS: 38, EOPNOTSUPP: 95 } as const;

/** A seccomp filter (linux/seccomp.h, linux/filter.h): needs no rights, and holds for all threads. */
const PROGRAM = `
import ctypes, os, struct, sys
errno, calls = int(sys.argv[1]), [int(call) for call in sys.argv[2].split(',')]
load, equal, end = 0x20, 0x15, 0x06
steps = [struct.pack('HBBI', load, 0, 0, 0)]
for index, call in enumerate(calls):
    steps.append(struct.pack('HBBI', equal, len(calls) - index, 0, call))
steps += [struct.pack('HBBI', end, 0, 0, 0x7fff0000), struct.pack('HBBI', end, 0, 0, 0x00050000 | errno)]
code = ctypes.create_string_buffer(b''.join(steps))
class Program(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('code', ctypes.c_void_p)]
program = Program(len(steps), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
for call in [(38, 1, 0, 0, 0), (22, 2, ctypes.byref(program), 0, 0)]:
    if libc.prctl(*call) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[3], sys.argv[3:])
`;

/** Returns the arguments before a command that runs it without these calls. */
export function refusing(calls: readonly Syscall[], code: keyof typeof ERRNO): string[] {
  const numbers = CALLS[arch as keyof typeof CALLS];
  const list = calls.flatMap(call => [...numbers[call]]).join(',');
  return ['python3', '-c', PROGRAM, String(ERRNO[code]), list];
}

/** Whether this machine has Python and seccomp filters. */
export const canRefuse =
  process.platform === 'linux' &&
  arch in CALLS &&
  spawnSync('python3', [...refusing(['link'], 'EPERM').slice(1), 'true']).status === 0;
