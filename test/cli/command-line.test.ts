import { once } from 'node:events';
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderExampleConfig } from '../../src/base/config/example.ts';
import { createGpgKeys } from '../support/gpg-keys.ts';
import { lacks } from '../support/lacks.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

// oxlint-disable-next-line no-control-regex -- finding them is the purpose
const UNPRINTABLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

const ESCAPES = '\u001b[31m\u009b2J\u202e\u2066\u0007';

let dir: TempDir;

beforeAll(async () => {
  dir = await createTempDir();
});

afterAll(() => dir.remove());

async function configFile(name: string, text: string): Promise<string> {
  const path = join(dir.path, name);
  await writeFile(path, text);
  return path;
}

describe.concurrent('rpmyard --help', () => {
  it.each([['--help'], ['-h'], ['help']])('%s names every command', async (argument) => {
    const result = await runRpmyard(argument);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    for (const command of ['serve', 'check-config', 'inspect', 'key init'])
      expect(result.stdout).toContain(`  ${command} `);
  });

  it.each(['serve', 'check-config', 'inspect', 'key'])('%s --help says how it is used', async (command) => {
    const results = [await runRpmyard(command, '--help'), await runRpmyard(command, 'x', '-h')];
    for (const result of results) {
      expect(result).toMatchObject({ exitCode: 0, stderr: '' });
      expect(result.stdout).toMatch(new RegExp(`^Usage: rpmyard ${command}`));
    }
  });

  it('of serve fits a screen and names the nginx configuration that ships by its path', async () => {
    const { stdout } = await runRpmyard('serve', '--help');
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeLessThan(40);
    const nginx = await readFile(lines.at(-1)?.trim() ?? '', 'utf8');
    expect(nginx).toBe(await readFile(new URL('../../nginx/rpmyard.conf', import.meta.url), 'utf8'));
  });

  it('is given by "help COMMAND" too', async () => {
    expect(await runRpmyard('help', 'verify')).toEqual(await runRpmyard('verify', '--help'));
  });
});

describe.concurrent('a slip of the finger', () => {
  it.each([
    [['serv'], 'serve'],
    [['re-index'], 'reindex'],
    [['chekc-config', 'x.yml'], 'check-config'],
    [['help', 'adpot'], 'adopt'],
    [['inspect', '--jsn', 'x.rpm'], '--json'],
    [['serve', '--prot', '5001'], '--port'],
    [['verify', '--readdata'], '--read-data'],
  ])('%j is told what was meant: %s', async (args, meant) => {
    const { exitCode, stdout, stderr } = await runRpmyard(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(`Did you mean "${meant}"?`);
  });

  it.each([[['frobnicate']], [['verify', '--frobnicate']]])(
    '%j is near nothing, and nothing is suggested',
    async (args) => {
      const { exitCode, stderr } = await runRpmyard(...args);
      expect(exitCode).toBe(2);
      expect(stderr).not.toContain('Did you mean');
    },
  );

  it('in a configuration file is told what was meant', async () => {
    const path = await configFile('slip.yml', 'sever: {}\nserver: { prot: 1, colour: red }\n');
    const { stderr } = await runRpmyard('check-config', path);
    expect(stderr).toContain('sever: unknown key; remove it or correct its name. Did you mean "server"?');
    expect(stderr).toContain('server.prot: unknown key; remove it or correct its name. Did you mean "port"?');
    expect(stderr).toMatch(/server\.colour: unknown key; remove it or correct its name\.$/m);
  });
});

describe.concurrent('wrong usage', () => {
  it.each([
    ['no command', []],
    ['an unknown command', ['serv']],
    ['a command that is a property of every object', ['constructor']],
    ['an unknown option', ['inspect', '--jsn', 'x.rpm']],
    ['an option without its value', ['serve', '-c']],
    ['a value that an option cannot have', ['inspect', '--json=yes', 'x.rpm']],
    ['an argument too many', ['serve', 'config.yml']],
    ['no file to inspect', ['inspect']],
    ['no file to check', ['check-config']],
    ['two files to check', ['check-config', 'a.yml', 'b.yml']],
  ])('exits 2 and says so on standard error: %s', async (_, args) => {
    const result = await runRpmyard(...args);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).not.toBe('');
    expect(result.stderr).not.toContain('    at ');
  });

  it('never sends control characters to the terminal', async () => {
    for (const args of [[`x${ESCAPES}`], ['inspect', `--x${ESCAPES}`], ['check-config', `/x${ESCAPES}`]]) {
      const { stderr, exitCode } = await runRpmyard(...args);
      expect(exitCode).toBeGreaterThan(0);
      expect(stderr).not.toMatch(UNPRINTABLE);
      expect(stderr).toContain('\\u001b');
    }
  });
});

describe.concurrent('rpmyard check-config', () => {
  it('finds a good file usable', async () => {
    const onSocket = renderExampleConfig()
      .replace("address: '127.0.0.1'", 'address: /run/rpmyard.sock')
      .replace("public_url: ''", 'public_url: http://repo.example.com')
      .replace("'/srv/repo/storage'", 'good/storage');
    await mkdir(join(dir.path, 'good/storage'), { recursive: true });
    const path = await configFile('good.yml', onSocket);
    const me = userInfo().username;
    expect(await runRpmyard('check-config', path)).toEqual({
      exitCode: 0,
      stdout: `${path}: usable
  repo.top_dir: ${dir.path}/good/storage (of ${me})
  repo.state_dir: ${dir.path}/good/state (not there yet)
  server.spool_dir: ${dir.path}/good/spool (not there yet)
`,
      stderr: '',
    });
  });

  it('says where a file of one line has the tree, and doubts a public URL that no host can ask', async () => {
    const path = await configFile('one-line.yml', 'server: { port: 5001 }\n');
    const { exitCode, stdout, stderr } = await runRpmyard('check-config', path);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('  repo.top_dir: /srv/repo/storage (');
    expect(stderr).toMatch(/^warning: server\.public_url: [^\n]*http:\/\/127\.0\.0\.1:5001,/m);
  });

  it.skipIf(lacks('root'))('doubts a tree that a start would make as root (needs root)', async () => {
    const path = await configFile('no-tree.yml', 'repo: { top_dir: not-there }\n');
    const { exitCode, stderr } = await runRpmyard('check-config', path);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^warning: repo\.top_dir: \S+\/not-there does not exist, [^\n]* as root\./m);
  });

  it('refuses folders that a start refuses: a file, and two mounts', async () => {
    const file = await configFile('top-file', '');
    const taken = await runRpmyard(
      'check-config',
      await configFile('top-is-file.yml', `repo: { top_dir: ${file} }\n`),
    );
    expect(taken.exitCode).toBe(1);
    expect(taken.stderr).toContain(`repo.top_dir: ${file} is no directory`);
    const elsewhere = `repo: { top_dir: storage, state_dir: /proc/state }\n`;
    const apart = await runRpmyard('check-config', await configFile('two-mounts.yml', elsewhere));
    expect(apart.exitCode).toBe(1);
    expect(apart.stderr).toContain('do not lie on one mount');
  });

  it('doubts an executable that is not there, by the name that it was given', async () => {
    const executable = join(dir.path, 'my-createrepo');
    const path = await configFile('engine.yml', JSON.stringify({ index_updater: { executable } }));
    const { exitCode, stderr } = await runRpmyard('check-config', path);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^warning: index_updater\.executable: [^\n]*my-createrepo /m);
  });

  it('opens the keys that it names', async () => {
    await using home = await createGpgKeys();
    const key = await home.makeKey('signs', { algorithm: 'rsa2048' });
    const other = 'B'.repeat(40);
    const noKey = await configFile('no-key.asc', 'this is no key\n');
    const signed = { signing: { keys: [key, other], gnupg_home: home.path } };
    const withoutPublicPart = await configFile('other.yml', JSON.stringify(signed));
    const checked = await configFile(
      'no-keyring.yml',
      JSON.stringify({ package_signatures: { keyrings: [{ repositories: ['*'], key_files: [noKey] }] } }),
    );
    expect((await runRpmyard('check-config', withoutPublicPart)).stderr).toMatch(
      new RegExp(`signing\\.keys: gpg has no public key ${other}`),
    );
    expect((await runRpmyard('check-config', checked)).stderr).toMatch(
      /package_signatures\.keyrings\.0: [^\n]*no-key\.asc: holds no public key/,
    );
  });

  it('takes the file as other commands do too, but only one', async () => {
    const path = await configFile('same.yml', renderExampleConfig());
    expect(await runRpmyard('check-config', '-c', path)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(`${path}: usable\n`),
    });
    expect(await runRpmyard('check-config', '-c', path, path)).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it.skipIf(lacks('root'))('run by root, sees what the user of the service would (needs root)', async () => {
    await using site = await createTempDir();
    await chmod(site.path, 0o755);
    const path = join(site.path, 'config.yml');
    const key = join(site.path, 'ci.key');
    await writeFile(key, `${'k'.repeat(64)}\n`, { mode: 0o600 });
    const config = {
      repo: { top_dir: 'storage', state_dir: 'state' },
      access: { keys: [{ id: 'ci', file: key, upload: ['*'] }] },
    };
    await writeFile(path, JSON.stringify(config), { mode: 0o600 });
    expect(await runRpmyard('check-config', path)).toMatchObject({ exitCode: 0 });
    await mkdir(join(site.path, 'storage'));
    await chown(join(site.path, 'storage'), 65_534, 65_534);
    const { exitCode, stderr } = await runRpmyard('check-config', path);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/the file itself: [^\n]*config\.yml cannot be read \(EACCES\)/);
    expect(stderr).toMatch(/access\.keys\.ci: [^\n]*ci\.key cannot be read/);
    await chown(path, 65_534, 65_534);
    await chown(key, 65_534, 65_534);
    expect(await runRpmyard('check-config', path)).toMatchObject({ exitCode: 0 });
  });

  it('finds the example that ships usable', async () => {
    const example = new URL('../../config.example.yml', import.meta.url).pathname;
    expect(await runRpmyard('check-config', example)).toMatchObject({ exitCode: 0 });
  });

  it('looks at the files that it names', async () => {
    const short = await configFile('short.key', 'short');
    await chmod(short, 0o600);
    const config = {
      access: {
        keys: [
          { id: 'short', file: short, upload: ['*'] },
          { id: 'gone', file: 'gone.key', upload: ['*'] },
        ],
      },
      signing: { keys: ['A'.repeat(40)], passphrase_file: 'gone.passphrase' },
      package_signatures: { keyrings: [{ repositories: ['*'], key_files: ['gone.asc'] }] },
    };
    const path = await configFile('files.yml', JSON.stringify(config));
    const { exitCode, stderr } = await runRpmyard('check-config', path);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/access\.keys\.short: [^\n]*short\.key holds 5 bytes/);
    expect(stderr).toMatch(/access\.keys\.gone: [^\n]*gone\.key cannot be read/);
    expect(stderr).toMatch(/signing\.passphrase_file: [^\n]*gone\.passphrase cannot be read \(ENOENT\)/);
    expect(stderr).toMatch(/signing\.keys: A{40} is no secret key in [^\n]*key init/);
    expect(stderr).toMatch(/package_signatures\.keyrings\.0: [^\n]*gone\.asc cannot be read/);
  });

  it('finds a weak signing key usable, and says that hosts refuse it', async () => {
    await using home = await createGpgKeys();
    const [weak, strong] = [
      await home.makeKey('weak', { algorithm: 'rsa1024' }),
      await home.makeKey('strong', { algorithm: 'rsa2048' }),
    ];
    const signing = { keys: [weak, strong], gnupg_home: home.path };
    const path = await configFile('weak.yml', JSON.stringify({ signing }));
    const { exitCode, stdout } = await runRpmyard('check-config', path);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`hosts of today refuse ${weak} (key RSA 1024)`);
    expect(stdout).not.toContain(strong);
  });

  it('names everything that is wrong with a bad one, a line each', async () => {
    const path = await configFile('bad.yml', 'server: { prot: 1, port: 70000 }\nlog: { level: LOUD }\n');
    const { exitCode, stdout, stderr } = await runRpmyard('check-config', path);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    const [first, ...lines] = stderr.trimEnd().split('\n');
    expect(first).toContain('CONFIG_INVALID');
    expect(first).toContain(path);
    const problems = lines
      .filter((line) => line.startsWith('  - '))
      .map((line) => line.slice(4).split(':')[0]);
    expect(new Set(problems)).toEqual(new Set(['log.level', 'server.port', 'server.prot']));
    expect(problems).toHaveLength(3);
  });

  it.each([
    ['broken', 'server: [\n'],
    [
      'hostile',
      `"${ESCAPES.replaceAll('\u0007', '')}\\e[31m": 1\nserver: { "\\x9b2J": 1, address: "\\e[2J" }\n`,
    ],
    ['raw', `server: "${ESCAPES}`],
  ])('says what is wrong with a %s file, in printable characters', async (name, text) => {
    const { exitCode, stderr } = await runRpmyard('check-config', await configFile(`${name}.yml`, text));
    expect(exitCode).toBe(1);
    expect(stderr).toContain('CONFIG_INVALID');
    expect(stderr).not.toMatch(UNPRINTABLE);
    expect(stderr).not.toContain('    at ');
  });

  it('names a file that is not there', async () => {
    const { exitCode, stderr } = await runRpmyard('check-config', join(dir.path, 'none.yml'));
    expect(exitCode).toBe(1);
    expect(stderr).toContain('none.yml');
  });
});

describe.concurrent('rpmyard serve', () => {
  it.each(['-c', '--config'])('refuses a broken file with %s, before it touches anything', async (option) => {
    const path = await configFile('serve.yml', 'repo: { top_dir: storage }\nserver: { prot: 1 }\n');
    const { exitCode, stdout, stderr } = await runRpmyard('serve', option, path);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain('server.prot');
  });

  it('says that its address is taken, and ends', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
    const path = await configFile(
      'taken.yml',
      `repo: { top_dir: taken/storage }\nserver: { port: ${address.port} }\n`,
    );
    const { exitCode, stderr } = await runRpmyard('serve', '-c', path);
    server.close();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      new RegExp(
        `^rpmyard serve: LISTEN_FAILED: [^\\n]*${address.port} \\(EADDRINUSE\\): [^\\n]* \\(process ${process.pid}\\) `,
      ),
    );
    expect(stderr).toMatch(/--port \d+ \(npm start -- --port \d+\), or server\.port/);
  });

  it('says which folder it cannot use', async () => {
    const file = await configFile('top-file', '');
    const path = await configFile('folder.yml', `repo: { top_dir: ${file}/storage }\n`);
    const { exitCode, stderr } = await runRpmyard('serve', '-c', path);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('TREE_UNUSABLE');
    expect(stderr).toContain(file);
    expect(stderr).not.toContain('    at ');
  });
});
