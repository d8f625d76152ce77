import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const SOURCE = join(import.meta.dirname, '../../selinux');
const BASH = '/bin/bash';

let dir: string;

beforeEach(async () => {
  // label.sh refuses a root behind a symlink, which a temporary directory may be.
  dir = await realpath(await mkdtemp(join(tmpdir(), 'rpmyard-selinux-')));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('the policy module', () => {
  test('compiles with the real tools into a package that carries the file contexts unchanged', async () => {
    await execa(join(SOURCE, 'build.sh'), [dir]);

    expect(await readdir(dir)).toEqual(['rpmyard.pp']);
    const unpacked = join(dir, 'unpacked.fc');
    await execa('semodule_unpackage', [join(dir, 'rpmyard.pp'), join(dir, 'unpacked.mod'), unpacked]);
    expect(await readFile(unpacked, 'utf8')).toBe(await readFile(join(SOURCE, 'rpmyard.fc'), 'utf8'));
  });

  test('contains exactly these rules, so that nginx gets no further rights without a changed test', async () => {
    const cilFile = join(dir, 'rpmyard.cil');
    await execa('checkmodule', ['-M', '-m', '-C', '-o', cilFile, join(SOURCE, 'rpmyard.te')]);
    const statements = (await readFile(cilFile, 'utf8')).split('\n').map((line) => line.trim());
    const declarations =
      /^\((?:type|optional|roleattributeset cil_gen_require|typeattributeset cil_gen_require) /;
    const rules = statements.filter((line) => line.startsWith('(') && !declarations.test(line));

    expect(rules.map(withSortedWords).toSorted()).toEqual([
      '(allow httpd_t commplex_main_port_t (tcp_socket (name_connect)))',
      '(allow httpd_t rpmyard_content_t (dir (add_name getattr open read remove_name search write)))',
      '(allow httpd_t rpmyard_content_t (file (create getattr open read unlink write)))',
      '(allow httpd_t rpmyard_content_t (sock_file (write)))',
      '(allow httpd_t unconfined_service_t (unix_stream_socket (connectto)))',
      '(allow logrotate_t rpmyard_content_t (dir (add_name getattr open read remove_name search write)))',
      '(allow logrotate_t rpmyard_content_t (file (create getattr ioctl open read rename setattr unlink write)))',
      // Every type in a module gets this one from checkmodule: files have the role object_r.
      '(roletype object_r rpmyard_content_t)',
      '(typeattributeset file_type (rpmyard_content_t))',
      '(typeattributeset non_auth_file_type (rpmyard_content_t))',
      '(typeattributeset non_security_file_type (rpmyard_content_t))',
    ]);
  });

  test('a broken rule makes the build fail and leaves the output directory empty', async () => {
    const { copy, output } = await copyWith('rpmyard.te', (text) => text.replace('connectto;\n}', '\n}'));

    const result = await execa(join(copy, 'build.sh'), [output], { reject: false });

    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('no module was built');
    expect(await readdir(output)).toEqual([]);
  });

  test('a permission that no class has makes the build fail', async () => {
    const { copy, output } = await copyWith('rpmyard.te', (text) =>
      text.replace('file { create getattr open read unlink write };\n\n#', 'file { creates };\n\n#'),
    );

    const result = await execa(join(copy, 'build.sh'), [output], { reject: false });

    expect(result.exitCode).toBe(1);
    expect(await readdir(output)).toEqual([]);
  });

  test('build.sh without an output directory is a usage error', async () => {
    const result = await execa(join(SOURCE, 'build.sh'), { reject: false });

    expect(result.exitCode).toBe(2);
    expect(result.stderr).toContain('usage');
  });
});

describe('the file contexts', () => {
  test.each([
    '/srv/repo',
    '/srv/repo/spool',
    '/srv/repo/spool/0000000001',
    '/srv/repo/state/incoming/7b0c6f1e-1f0d-4b43-9d0a-8d7a2d1f0b11',
    '/srv/repo/storage/9/x86_64/Packages/hello-1.0-1.el9.x86_64.rpm',
    '/srv/repo/storage/9/x86_64/repodata/repomd.xml',
  ])('give %s the one content type, so that a hard link never changes what may read it', async (path) => {
    expect(await typeOf(path)).toBe('rpmyard_content_t');
  });

  // Policies before Fedora 40 and Enterprise Linux 10 look /run up as /var/run, later ones the other way round.
  test.each([
    '/run/rpmyard',
    '/run/rpmyard/rpmyard.sock',
    '/var/run/rpmyard',
    '/var/run/rpmyard/rpmyard.sock',
  ])('give %s the type of what nginx connects to', async (path) => {
    expect(await typeOf(path)).toBe('httpd_var_run_t');
  });

  test.each([
    '/run',
    '/run/rpmyard.pid',
    '/srv',
    '/srv/repository/x',
    '/srv/repo.old',
    '/var/srv/repo/spool',
  ])('leave %s alone', async (path) => {
    expect(await typeOf(path)).toBeUndefined();
  });

  test('name only types that the module declares or the policy has', async () => {
    const rules = await readFile(join(SOURCE, 'rpmyard.te'), 'utf8');
    const types = new Set((await fileContexts()).map(({ type }) => type));
    expect([...types].filter((type) => !rules.includes(`\ntype ${type};`))).toEqual(['httpd_var_run_t']);
  });
});

describe('label.sh', () => {
  test('--dry-run prints the commands for the default root, where the module brings the contexts', async () => {
    const { stdout } = await execa(join(SOURCE, 'label.sh'), ['--dry-run']);

    expect(stdout.split('\n')).toEqual([
      'build_dir=$(mktemp -d)',
      `${SOURCE}/build.sh "$build_dir"`,
      'semodule -i "$build_dir/rpmyard.pp"',
      'restorecon -R -F /srv/repo',
    ]);
  });

  test('--dry-run prints the commands for a custom root and port, with the dot escaped', async () => {
    const { stdout } = await execa(join(SOURCE, 'label.sh'), [
      '--dry-run',
      '--root',
      '/data/rpm.repo/',
      '--port',
      '5050',
      '--module',
      '/opt/rpmyard.pp',
    ]);

    const context = String.raw`-t rpmyard_content_t '/data/rpm\.repo(/.*)?'`;
    expect(stdout.split('\n')).toEqual([
      'semodule -i /opt/rpmyard.pp',
      'semanage port -a -t commplex_main_port_t -p tcp 5050',
      `semanage fcontext -a ${context} || semanage fcontext -m ${context}`,
      'restorecon -R -F /data/rpm.repo',
    ]);
  });

  test.each(['/', '/usr', '/etc/repo', 'repo', '/srv/../etc', '/srv/a b', '/srv/(x)', "/srv/'x"])(
    'refuses the root %s before it does anything',
    async (root) => {
      const result = await execa(join(SOURCE, 'label.sh'), ['--dry-run', '--root', root], { reject: false });

      expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    },
  );

  test.each(['0', '65536', 'http', '08080'])('refuses the port %s', async (port) => {
    const result = await execa(join(SOURCE, 'label.sh'), ['--dry-run', '--port', port], { reject: false });

    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
  });

  test('without SELinux it says so in one line, runs nothing and exits 3', async () => {
    const machine = await fakeMachine({ selinuxenabled: 'exit 1' });

    const result = await machine.label();

    expect(result).toMatchObject({ exitCode: 3, stdout: '' });
    expect(result.stderr).toBe('label.sh: SELinux is not enabled on this machine, there is nothing to label');
    expect(await machine.calls()).toEqual([]);
  });

  test('without the tools it names each missing one and exits 3', async () => {
    const result = await execa(BASH, [join(SOURCE, 'label.sh')], {
      reject: false,
      env: { PATH: join(dir, 'empty') },
      extendEnv: false,
    });

    expect(result).toMatchObject({ exitCode: 3, stdout: '' });
    expect(result.stderr).toContain(
      'tools are missing: selinuxenabled semodule semanage matchpathcon restorecon checkmodule semodule_package (',
    );
    expect(result.stderr.split('\n')).toHaveLength(1);
  });

  test('runs what --dry-run printed, and a second run changes the entry instead of failing', async () => {
    const machine = await fakeMachine({ semanage: SEMANAGE_WITH_MEMORY });

    const announced = await machine.label('--port', '5050', '--dry-run');
    const first = await machine.label('--port', '5050');
    const second = await machine.label('--port', '5050');

    expect([first.exitCode, second.exitCode]).toEqual([0, 0]);
    const commands = first.stdout.split('\n').filter((line) => !line.startsWith('== '));
    expect(commands.join('\n')).toBe(announced.stdout);
    const context = `-t rpmyard_content_t ${machine.root.replaceAll('.', String.raw`\.`)}(/.*)?`;
    expect(await machine.calls()).toEqual([
      `semodule -i ${machine.module}`,
      'semanage port -l',
      'semanage port -a -t commplex_main_port_t -p tcp 5050',
      `semanage fcontext -a ${context}`,
      `restorecon -R -F ${machine.root}`,
      `semodule -i ${machine.module}`,
      'semanage port -l',
      `semanage fcontext -a ${context}`,
      `semanage fcontext -m ${context}`,
      `restorecon -R -F ${machine.root}`,
    ]);
  });

  test('a root behind a symlink is refused and the real one named, since no entry would match it', async () => {
    const machine = await fakeMachine({});
    await rm(machine.root, { recursive: true });
    await mkdir(join(dir, 'elsewhere'));
    await symlink(join(dir, 'elsewhere'), machine.root);

    const result = await machine.label();

    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain(`say --root ${join(dir, 'elsewhere')}`);
    expect(await machine.calls()).toEqual([]);
  });

  test('refuses a port that the policy gives to another service', async () => {
    const machine = await fakeMachine({ semanage: "echo 'http_cache_port_t  tcp  8080, 8118, 8123'" });

    const result = await machine.label('--port', '8118');

    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('port 8118 is http_cache_port_t');
    expect(await machine.calls()).not.toContain(`restorecon -R -F ${machine.root}`);
  });

  test('does not relabel when another entry of the policy wins over ours', async () => {
    const machine = await fakeMachine({
      matchpathcon: 'echo system_u:object_r:httpd_sys_rw_content_t:s0',
    });

    const result = await machine.label();

    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('the policy wants system_u:object_r:httpd_sys_rw_content_t:s0');
    expect(await machine.calls()).not.toContain(`restorecon -R -F ${machine.root}`);
  });

  test('stops at the first command that fails', async () => {
    const machine = await fakeMachine({ semodule: 'exit 1' });

    const result = await machine.label();

    expect(result.exitCode).toBe(1);
    expect(await machine.calls()).toEqual([`semodule -i ${machine.module}`]);
  });
});

/** The order of the permissions in an innermost pair of parentheses differs between versions of checkmodule. */
function withSortedWords(rule: string): string {
  return rule.replace(
    /(?<=.)\(([\w ]+)\)/,
    (_, words: string) => `(${words.trim().split(/ +/).toSorted().join(' ')})`,
  );
}

async function copyWith(file: string, change: (text: string) => string) {
  const copy = join(dir, 'copy');
  const output = join(dir, 'output');
  await cp(SOURCE, copy, { recursive: true });
  await mkdir(output);
  const before = await readFile(join(copy, file), 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  await writeFile(join(copy, file), after);
  return { copy, output };
}

async function fileContexts(): Promise<{ pattern: RegExp; type: string }[]> {
  const text = await readFile(join(SOURCE, 'rpmyard.fc'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, path, type] = /^(\S+)\s+system_u:object_r:(\w+):s0$/.exec(line) ?? [];
      if (path === undefined || type === undefined) throw new Error(`not a file context: ${line}`);
      // libselinux anchors each expression at both ends (selabel_file(5)).
      return { pattern: new RegExp(`^${path}$`), type };
    });
}

async function typeOf(path: string): Promise<string | undefined> {
  return (await fileContexts()).findLast(({ pattern }) => pattern.test(path))?.type;
}

/** An `-a` that fails the second time and an `-l` that knows the port then, as semanage of EL 8 and 9. */
const SEMANAGE_WITH_MEMORY = `
memory="\${0%/*}/../memory-$1"
case $2 in
  -l) [ ! -e "$memory" ] || echo 'commplex_main_port_t           tcp      5050, 5000' ;;
  -a) [ ! -e "$memory" ] || { echo 'ValueError: already defined' >&2; exit 1; }
      : > "$memory" ;;
esac`;

/** The SELinux tools replaced by scripts that note their calls, so that no test ever relabels this machine. */
async function fakeMachine(replaced: Record<string, string>) {
  const bin = join(dir, 'bin');
  const log = join(dir, 'calls');
  const root = join(dir, 'root');
  const module = join(dir, 'rpmyard.pp');
  await Promise.all([mkdir(bin), mkdir(join(root, 'spool'), { recursive: true }), writeFile(module, '')]);
  await writeFile(log, '');
  const tools: Record<string, string> = {
    selinuxenabled: 'exit 0',
    id: 'echo 0',
    matchpathcon: 'echo system_u:object_r:rpmyard_content_t:s0',
    semodule: '',
    semanage: '',
    restorecon: '',
    ...replaced,
  };
  const changesTheMachine = new Set(['semodule', 'semanage', 'restorecon']);
  for (const [name, body] of Object.entries(tools)) {
    const note = changesTheMachine.has(name) ? `printf '%s\\n' "${name} $*" >> '${log}'\n` : '';
    await writeFile(join(bin, name), `#!${BASH}\n${note}${body}\n`, { mode: 0o755 });
  }

  return {
    root,
    module,
    label: (...args: string[]) =>
      // Only the fakes are in PATH: a forgotten one is "command not found" and never the machine's own.
      execa(BASH, [join(SOURCE, 'label.sh'), '--root', root, '--module', module, ...args], {
        reject: false,
        env: { PATH: bin },
        extendEnv: false,
      }),
    calls: async () => (await readFile(log, 'utf8')).split('\n').filter((line) => line !== ''),
  };
}
