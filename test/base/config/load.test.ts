import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Config, embeddedConfig, loadConfig, parseConfig } from '../../../src/base/config/load.ts';
import { appErrorOf } from '../../support/app-error.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const SOURCE = '/etc/rpmyard/config.yml';

const parse = (yaml: string): Config => parseConfig(yaml, SOURCE);

/** The problems that a file is refused with. */
function problemsOf(yaml: string): readonly string[] {
  const { code, message, details } = appErrorOf(() => parse(yaml));
  const { problems } = details;
  if (code !== 'CONFIG_INVALID' || !message.includes(SOURCE) || !Array.isArray(problems)) {
    throw new Error(`expected CONFIG_INVALID with problems, got ${code}: ${message}`);
  }
  return problems.map(String);
}

/** What each problem is about: the path before its first colon. */
const pathsOf = (yaml: string): readonly (string | undefined)[] =>
  problemsOf(yaml).map((problem) => problem.split(':')[0]);

describe('a configuration file', () => {
  it('of the original service loads as it is', () => {
    const config = parse(`
server:
  address: 127.0.0.1
  port: '5000'
  prefix_url: upload
  upload_header: X-Package-Name
index_updater:
  cmdline: --update
  executable: /bin/createrepo
repo:
  top_dir: /srv/repo/storage
log:
  name: syslog
  level: INFO
`);
    expect(config).toMatchObject({
      server: {
        listen: { host: '127.0.0.1', port: 5000 },
        uploadPath: '/upload',
        uploadHeader: 'x-package-name',
        spoolDir: '/srv/repo/spool',
      },
      topDir: '/srv/repo/storage',
      stateDir: '/srv/repo/state',
      reindex: { executable: '/bin/createrepo', extraArguments: ['--update'] },
      log: { name: 'syslog', level: 'info' },
    });
  });

  it.each(['', '   \n', '# only a comment\n', '---\n', 'null\n', 'server:\nrepo: ~\n'])(
    'that says nothing (%j) gives the defaults',
    (yaml) => {
      const config = parse(yaml);
      expect(config.server).toEqual({
        listen: { host: '127.0.0.1', port: 5000 },
        uploadPath: '/upload',
        uploadHeader: 'x-package-name',
        publicUrl: 'http://127.0.0.1:5000',
        spoolDir: '/srv/repo/spool',
        maxUploadBytes: 4 * 1024 ** 3,
      });
      expect(config.reindex).toEqual({
        engine: 'incremental',
        zstdReleasevers: [],
        repodataTags: [],
        executable: 'createrepo_c',
        extraArguments: [],
        quietMs: 30_000,
        maxWaitMs: 300_000,
        timeoutMs: 3_600_000,
        concurrency: 1,
        keepOldMs: 86_400_000,
        keepOldBytes: 10 * 1024 ** 3,
      });
      expect(config.layout.noarchBasearches).toEqual(['x86_64', 'aarch64']);
    },
  );

  it('gives each value the unit of its name', () => {
    const { reindex, server } = parse(`
server: { max_upload_bytes: 500 MiB }
index_updater: { quiet_seconds: 0.5, max_wait_seconds: 60, timeout_seconds: 9, keep_old_hours: 1.5, keep_old_bytes: 1 KiB }
`);
    expect(server.maxUploadBytes).toBe(500 * 1024 ** 2);
    expect(reindex).toMatchObject({
      quietMs: 500,
      maxWaitMs: 60_000,
      timeoutMs: 9_000,
      keepOldMs: 5_400_000,
      keepOldBytes: 1024,
    });
  });

  it('takes a plain number for a size in bytes', () => {
    const config = parse('server: { max_upload_bytes: 4096 }\nindex_updater: { keep_old_bytes: 0 }');
    expect(config.server.maxUploadBytes).toBe(4096);
    expect(config.reindex.keepOldBytes).toBe(0);
  });

  it('listens on a unix socket when the address is a path', () => {
    const { listen, publicUrl } = parse('server: { address: /run/rpmyard.sock }').server;
    expect(listen).toEqual({ path: '/run/rpmyard.sock' });
    expect(parse(`server: { address: /${'x'.repeat(106)} }`)).toBeDefined();
    expect(() => parse(`server: { address: /${'x'.repeat(107)} }`)).toThrow('has a problem');
    expect(publicUrl).toBe('http://localhost');
  });

  it('says that an IPv6 address stands without brackets', () => {
    expect(problemsOf('server: { address: "[::1]" }')).toEqual([expect.stringMatching(/brackets.* ::1$/)]);
  });

  it.each([
    ['address: "::1"', 'http://[::1]:5000'],
    ['port: 80', 'http://127.0.0.1:80'],
    ['public_url: https://repo.example.com/', 'https://repo.example.com'],
    ['public_url: http://repo.example.com/rpm//', 'http://repo.example.com/rpm'],
  ])('with %s builds URLs from %s', (server, publicUrl) => {
    expect(parse(`server: { ${server} }`).server.publicUrl).toBe(publicUrl);
  });

  it('with an empty upload header takes bodies directly', () => {
    expect(parse("server: { upload_header: '' }").server.uploadHeader).toBeUndefined();
  });

  it.each(['upload', '/upload', 'upload/', '/upload/'])('with prefix_url %s serves /upload', (prefix) => {
    expect(parse(`server: { prefix_url: ${prefix} }`).server.uploadPath).toBe('/upload');
  });

  it.each([
    ['WARNING', 'warn'],
    ['CRITICAL', 'fatal'],
    ['DEBUG', 'debug'],
    ['TRACE', 'trace'],
    ['ERROR', 'error'],
  ])('with log level %s logs from %s on', (level, pinoLevel) => {
    expect(parse(`log: { level: ${level} }`).log.level).toBe(pinoLevel);
  });

  it('takes relative folders from where the file is', () => {
    const config = parse('repo: { top_dir: data/storage, state_dir: ../state }');
    expect(config.topDir).toBe('/etc/rpmyard/data/storage');
    expect(config.stateDir).toBe('/etc/state');
    expect(config.server.spoolDir).toBe('/etc/rpmyard/data/spool');
  });

  it('can keep a noarch repository of its own', () => {
    expect(parse('layout: { noarch: [] }').layout.noarchBasearches).toEqual([]);
  });

  it('runs createrepo when it names an executable and no engine, as the original service did', () => {
    const engineOf = (yaml: string): string => parse(`index_updater: { ${yaml} }`).reindex.engine;
    expect(engineOf('executable: createrepo, cmdline: --update')).toBe('createrepo');
    expect(engineOf('executable: createrepo, engine: incremental')).toBe('incremental');
    expect(engineOf('engine: createrepo')).toBe('createrepo');
    expect(engineOf('quiet_seconds: 5')).toBe('incremental');
  });

  it('may ask for zstd from the incremental engine only', () => {
    expect(parse('index_updater: { zstd_releasevers: ["10"] }').reindex.zstdReleasevers).toEqual(['10']);
    expect(() => parse('index_updater: { engine: createrepo, zstd_releasevers: ["10"] }')).toThrowError(
      expect.objectContaining({
        details: { problems: [expect.stringContaining('index_updater.zstd_releasevers')] },
      }),
    );
  });

  it('splits the engine options at blanks', () => {
    expect(parse("index_updater: { cmdline: '  --workers  2 -q ' }").reindex.extraArguments).toEqual([
      '--workers',
      '2',
      '-q',
    ]);
  });
});

describe('a refused configuration', () => {
  it('names each unknown key with its path', () => {
    const yaml = 'server: { prot: 5000, __proto__: 1 }\nrepos: {}\n__proto__: {}\nlog: { lvl: INFO }';
    const unknown = ['__proto__', 'log.lvl', 'repos', 'server.__proto__', 'server.prot'];
    expect(new Set(pathsOf(yaml))).toEqual(new Set(unknown));
  });

  it('names every bad value at once, whatever is wrong with it', () => {
    const paths = pathsOf(`
server: { port: 70000, prefix_url: 'a/b', max_upload_bytes: 10 GB, public_url: ftp://x, prot: 1 }
layout: { releasever: ['el(\\d+)'], noarch: [../x] }
index_updater: { engine: magic, quiet_seconds: -1, concurrency: 0, cmdline: --outputdir=/tmp }
log: { name: file, level: LOUD }
`);
    expect(paths).toEqual(
      expect.arrayContaining([
        'server.port',
        'server.prefix_url',
        'server.max_upload_bytes',
        'server.public_url',
        'server.prot',
        'layout.releasever.0',
        'layout.noarch.0',
        'index_updater.engine',
        'index_updater.quiet_seconds',
        'index_updater.concurrency',
        'index_updater.cmdline',
        'log.name',
        'log.level',
      ]),
    );
    expect(new Set(paths).size).toBe(paths.length);
  });

  it('says which values an option can have', () => {
    expect(problemsOf('log: { name: file }')).toEqual([expect.stringContaining('stdout, stderr, syslog')]);
  });

  it.each([
    ['no group', '\\.el(\\d+)'],
    ['another group', '\\.el(?<version>\\d+)'],
    ['a broken expression', '\\.el(?<releasever>\\d+'],
  ])('has a release pattern with %s', (_, pattern) => {
    expect(pathsOf(`layout: { releasever: ['${pattern}'] }`)).toEqual(['layout.releasever.0']);
  });

  it('has no release pattern at all', () => {
    expect(pathsOf('layout: { releasever: [] }')).toEqual(['layout.releasever']);
  });

  it.each([
    '--outputdir /srv/other',
    '-o /srv/other',
    '--pkglist=list',
    '--update-md-path /x',
    '--compress-type=xz',
    '--general-compress-type zstd',
    '--checksum md5',
    '-s md5',
    '--simple-md-filenames',
    '--baseurl=http://x',
  ])('has the engine option %s, which the service sets itself', (cmdline) => {
    expect(pathsOf(`index_updater: { cmdline: '--update ${cmdline}' }`)).toEqual(['index_updater.cmdline']);
  });

  it.each([
    ['repo.state_dir', 'repo: { top_dir: /srv/repo, state_dir: /srv/repo/state }'],
    ['repo.state_dir', 'repo: { top_dir: /srv/repo, state_dir: /srv/repo }'],
    ['repo.state_dir', 'repo: { top_dir: /srv/repo, state_dir: /srv/x/../repo/a }'],
    ['server.spool_dir', 'repo: { top_dir: /srv/repo }\nserver: { spool_dir: /srv/repo/spool }'],
    ['repo.state_dir', 'repo: { top_dir: /etc/rpmyard/storage, state_dir: storage/state }'],
  ])('has its %s inside of what is served', (path, yaml) => {
    expect(pathsOf(yaml)).toEqual([path]);
  });

  it.each([
    '/srv/repo/storage',
    '/srv/repo/storage/in',
    '/srv/repo/spool',
    '/srv/repo/state/incoming',
    '/srv',
  ])('has its drop directory in or around a folder of its own: %s', (path) => {
    expect([...new Set(pathsOf(`drop_directory: { path: ${path} }`))]).toEqual(['drop_directory.path']);
  });

  it('has its drop directory beside the tree, and then says when files in it are looked at', () => {
    expect(parse('').dropDirectory).toBeUndefined();
    const { dropDirectory } = parse('drop_directory: { path: /srv/repo/incoming, give_up_seconds: 60 }');
    expect(dropDirectory).toEqual({
      path: '/srv/repo/incoming',
      settleMs: 5_000,
      giveUpMs: 60_000,
      upload: ['*'],
    });
  });

  it.each([
    'https://ci@repo.example.com',
    'https://ci:secret@repo.example.com/rpm',
    'https://repo.example.com?x=1',
    'https://repo.example.com/rpm/?',
    'https://repo.example.com/rpm#top',
    'https://repo.example.com:port/',
  ])('takes no public_url in front of which or behind which more would stand: %s', (url) => {
    const text = `server: { public_url: '${url}' }`;
    expect(pathsOf(text)).toEqual(['server.public_url']);
    expect(JSON.stringify(problemsOf(text))).not.toContain('secret');
  });

  it('believes a header that names a file from every client that reaches it', () => {
    const access = "access: { tokens: [{ name: ci, hash: 'sha256:" + 'a'.repeat(64) + "' }] }";
    const named = 'address: 0.0.0.0, public_url: "http://repo.example.com"';
    expect(pathsOf(`server: { ${named} }\n${access}`)).toEqual(['server.upload_header']);
    expect(pathsOf(`server: { address: 0.0.0.0, upload_header: '' }\n${access}`)).toEqual([
      'server.public_url',
    ]);
    expect(parse(`server: { ${named}, upload_header: '' }\n${access}`).server.listen).toMatchObject({
      host: '0.0.0.0',
    });
    expect(parse(`server: { address: /run/rpmyard.sock }\n${access}`)).toBeDefined();
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', 'repo.example.com'])(
    'listens on %s, where others reach it, while every client may upload',
    (address) => {
      const server = `server: { address: '${address}', public_url: 'http://repo.example.com', upload_header: '' }`;
      expect(pathsOf(server)).toEqual(['server.address']);
      expect(String(problemsOf(server))).toContain(`other machines can reach ${address}`);
      expect(parse(`${server}\naccess: { require_credentials: true }`).access.requireCredentials).toBe(true);
    },
  );

  it('is not one with folders that only begin alike', () => {
    const { stateDir } = parse('repo: { top_dir: /srv/repo, state_dir: /srv/repo-state }');
    expect(stateDir).toBe('/srv/repo-state');
  });

  it.each(['repo', 'healthz', 'readyz', 'metrics', '/api/'])(
    'has %s as its upload path, which is taken',
    (prefix) => {
      expect(pathsOf(`server: { prefix_url: '${prefix}' }`)).toEqual(['server.prefix_url']);
    },
  );

  it.each([
    ['a sequence', '- server\n'],
    ['a text', 'just words\n'],
    ['a number', '7\n'],
    ['no YAML', 'server: [\n'],
    ['a key given twice', 'server: {}\nserver: {}\n'],
    ['a tab as indentation', 'server:\n\tport: 1\n'],
    ['a section that is a text', 'server: yes please\n'],
    ['a section that is a list', 'repo: [a]\n'],
  ])('is %s', (_, yaml) => {
    expect(problemsOf(yaml).length).toBeGreaterThan(0);
  });

  it('does not run what YAML tags ask for', () => {
    expect(problemsOf('server: !!js/function "function () {}"').length).toBeGreaterThan(0);
  });

  it.each(['true', '5000.5', '"5e3"', '"-1"', '[5000]', '"0x1388"'])('has port %s', (port) => {
    expect(pathsOf(`server: { port: ${port} }`)).toEqual(['server.port']);
  });
});

describe('loadConfig', () => {
  it('reads a file', async () => {
    await using dir = await createTempDir();
    const file = join(dir.path, 'config.yml');
    await writeFile(file, 'repo: { top_dir: storage }');
    expect(loadConfig(file).topDir).toBe(join(dir.path, 'storage'));
  });

  it('names a file that is not there', () => {
    expect(() => loadConfig('/nonexistent/config.yml')).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('/nonexistent/config.yml'),
      }),
    );
  });
});

describe('the built-in configuration', () => {
  it('takes bodies directly and keeps everything below one folder', () => {
    const config = embeddedConfig('/home/user/var');
    expect(config).toMatchObject({
      server: {
        uploadHeader: undefined,
        spoolDir: '/home/user/var/spool',
        publicUrl: 'http://127.0.0.1:5000',
      },
      topDir: '/home/user/var/storage',
      stateDir: '/home/user/var/state',
    });
  });
});
