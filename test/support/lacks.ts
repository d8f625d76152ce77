import { spawnSync } from 'node:child_process';
import { existsSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** What some tests need, and not every machine can give. */
export interface Ability {
  /** What gives it, for people. */
  readonly needs: string;
  readonly isThere: () => boolean;
  /** Some machines cannot have it at all, and nothing is wrong with them. */
  readonly isOptional?: boolean;
}

/** Another mount than the one of temporary files. */
export const OTHER_MOUNT = '/dev/shm';

const GIB = 1024 ** 3;

/** Succeeds as soon as strace says that it is attached, however long that takes on a busy machine. */
const TRACE_ANOTHER =
  'sleep 60 & pid=$!; ' +
  'strace -o /dev/null -p $pid 2>&1 | { grep -qm1 attached && kill $pid; } && exit 0; kill $pid; exit 1';

const runs = (command: string, ...args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** By the word that the title of a test has for it: `(needs strace)`. */
export const ABILITIES = {
  root: { needs: 'to be root', isThere: () => process.getuid?.() === 0 },
  strace: {
    needs:
      'strace, and the right to trace a process that is no child (a container needs ptrace, yama must allow it)',
    isThere: () => runs('sh', '-c', TRACE_ANOTHER),
  },
  mounts: {
    needs: 'the right to mount (only root has it, and not in every container)',
    isThere: () => runs('unshare', '--mount', 'sh', '-c', 'mount -t tmpfs -o size=1m tmpfs /tmp'),
  },
  'two mounts': {
    needs: `${OTHER_MOUNT} on another mount than temporary files`,
    isThere: () => existsSync(OTHER_MOUNT) && statSync(OTHER_MOUNT).dev !== statSync(tmpdir()).dev,
  },
  machines: {
    needs: 'systemd, and the right to make namespaces and mounts',
    isThere: () =>
      runs(
        'unshare',
        '--mount',
        '--pid',
        '--fork',
        '--net',
        '--cgroup',
        'sh',
        '-c',
        'mount -t tmpfs tmpfs /tmp && mkdir /tmp/u /tmp/w /tmp/m /tmp/c && mount -t cgroup2 cgroup2 /tmp/c &&' +
          'mount -t overlay overlay -o lowerdir=/,upperdir=/tmp/u,workdir=/tmp/w /tmp/m &&' +
          'test -x /lib/systemd/systemd',
      ),
  },
  rpm: { needs: 'rpm and rpmkeys', isThere: () => runs('rpm', '--version') && runs('rpmkeys', '--version') },
  createrepo_c: {
    needs: 'createrepo_c, modifyrepo_c and the Python module of createrepo_c',
    isThere: () =>
      runs('createrepo_c', '--version') &&
      runs('modifyrepo_c', '--version') &&
      runs('/usr/bin/python3', '-c', 'import createrepo_c'),
  },
  'disk space': {
    needs: '8 GiB of free space where temporary files go',
    isThere: () => {
      const { bavail, bsize } = statfsSync(tmpdir());
      return bavail * bsize > 8 * GIB;
    },
  },
  Debian: {
    needs: 'Debian, or a system that is made of it',
    isThere: () => existsSync('/etc/debian_version'),
    isOptional: true,
  },
  'a long run': {
    needs: 'npm run test:long',
    isThere: () => process.env['RPMYARD_TESTS'] === 'long',
    isOptional: true,
  },
  'the corpus': {
    needs: 'a folder of packages that RPMYARD_CORPUS names',
    isThere: () => Boolean(process.env['RPMYARD_CORPUS']),
    isOptional: true,
  },
} as const satisfies Readonly<Record<string, Ability>>;

export type AbilityName = keyof typeof ABILITIES;

/** True where nothing may be left out: `RPMYARD_TESTS_REQUIRE=all`, as `.ci/run` has it. */
const isAllRequired = process.env['RPMYARD_TESTS_REQUIRE'] === 'all';

/**
 * True when the machine lacks what a test needs; the test skips itself then, and its title says what it needs.
 * @throws Error in its place where nothing may be left out.
 */
export function lacks(name: AbilityName): boolean {
  return isMissing(ABILITIES[name], isAllRequired);
}

/** @throws Error when the ability is missing and required. */
export function isMissing({ needs, isThere, isOptional = false }: Ability, isRequired: boolean): boolean {
  if (isThere()) return false;
  if (isRequired && !isOptional) {
    throw new Error(`RPMYARD_TESTS_REQUIRE=all, and this machine lacks what tests need: ${needs}`);
  }
  return true;
}
