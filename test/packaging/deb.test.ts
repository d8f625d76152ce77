import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/base/version.ts';
import { buildRpm } from '../support/build-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { type Machine, must, put, startMachine } from '../support/machine.ts';
import { readGuide } from '../support/read-guide.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const PACKAGE_SCRIPT = fileURLToPath(new URL('../../scripts/package-deb.sh', import.meta.url));
const CONTENTS = new URL('../../packaging/contents', import.meta.url);
const PAGE = new URL('../../docs/debian.md', import.meta.url);
const SITE = '/etc/nginx/conf.d/rpmyard.conf';
const SERVER_CONF = '/usr/lib/rpmyard/nginx/server.conf';
// Another one than the page's, which stands for it.
const NAME = 'packages.example.net';
const HELLO = 'hello-1.0-1.el9.noarch.rpm';

let temp: TempDir;
let architecture: string;

const packagePath = (revision: number): string =>
  join(temp.path, `rpmyard_${VERSION}-${revision}_${architecture}.deb`);

// The package alone takes a while to build.
describe.skipIf(lacks('a long run') || lacks('Debian'))(
  'the Debian package (needs a long run and Debian)',
  () => {
    beforeAll(async () => {
      temp = await createTempDir();
      architecture = (await execa('dpkg', ['--print-architecture'])).stdout;
      // As `npm run package:deb` does it; packed fast, as the test throws it away.
      await execa(PACKAGE_SCRIPT, [temp.path, '1', '2'], { env: { RPMYARD_DEB_COMPRESSION: 'gzip -z1' } });
      await buildRpm({ name: 'hello', files: { '/usr/share/hello': 'hello\n' } }, temp.path);
    });

    afterAll(() => temp.remove());

    it('holds what the RPM package holds but SELinux, for the user www-data', async () => {
      const { stdout } = await execa('dpkg-deb', ['--contents', packagePath(1)]);
      const paths = [...stdout.matchAll(/ \.(?<path>\/\S*?)\/?$/gm)].map(({ groups }) => groups?.['path']);
      const lines = (await readFile(CONTENTS, 'utf8'))
        .split('\n')
        .filter((line) => /^(?:\d|dir|tree)/.test(line));
      const expected = lines.filter((line) => !line.endsWith(' rpm')).map((line) => line.split(/ +/)[2]);
      expect(paths).toEqual(expect.arrayContaining(expected));
      expect(paths.filter((path) => path?.includes('selinux'))).toEqual([]);

      const unpacked = join(temp.path, 'unpacked');
      await execa('dpkg-deb', ['--extract', packagePath(1), unpacked]);
      const unit = await readFile(join(unpacked, 'usr/lib/systemd/system/rpmyard.service'), 'utf8');
      expect(unit).toMatch(/^User=www-data\nGroup=www-data$/m);
      for (const path of [
        'systemd/system/rpmyard.socket',
        'systemd/system/rpmyard.service',
        'tmpfiles.d/rpmyard.conf',
      ]) {
        const text = await readFile(join(unpacked, 'usr/lib', path), 'utf8');
        expect(text.replaceAll(/^#.*$/gm, ''), path).not.toMatch(/\bnginx\b/);
      }
    });

    // It looks at every npm file, which takes half a minute.
    it('has nothing that lintian complains about', async () => {
      const { stdout } = await execa('lintian', [
        '--allow-root',
        '--fail-on',
        'error,warning',
        packagePath(1),
      ]);
      expect(stdout).toBe('');
    });

    describe.skipIf(lacks('machines'))('on a machine, as docs/debian.md says (needs machines)', () => {
      it('is installed, keeps the site and replaces the include in an upgrade, and leaves packages where they are', async () => {
        await using machine = await startMachine();
        await prepare(machine);
        const [install = '', start = '', ask = '', upgrade = ''] = await readBlocks();

        await must(machine, install);
        expect((await machine.run('systemctl is-enabled rpmyard; systemctl is-active rpmyard')).stdout).toBe(
          'disabled\ninactive\n',
        );
        expect(
          await must(
            machine,
            'stat -c "%U:%G %a" /etc/rpmyard /etc/rpmyard/config.yml /srv/repo/storage /srv/repo/state /srv/repo/spool',
          ),
        ).toBe(
          'root:www-data 750\nroot:www-data 640\nwww-data:www-data 755\nwww-data:www-data 700\nwww-data:www-data 700',
        );

        await must(machine, start);
        expect(await must(machine, ask)).toContain('"status":"ready","faults":[]');
        const local = '-H "Authorization: Bearer $(cat /srv/repo/state/local-token)"';
        const upload = `curl -sf ${local} -T /root/${HELLO} 'http://${NAME}/upload?wait=20'`;
        expect(await must(machine, upload)).toContain(HELLO);

        // As an older version left it.
        await must(machine, `sed -i 's/X-Rpmyard-Nginx [0-9]*;/X-Rpmyard-Nginx 0;/' ${SERVER_CONF}`);
        await must(
          machine,
          'systemctl stop rpmyard.socket rpmyard && systemctl start rpmyard && systemctl restart nginx',
        );
        expect(await must(machine, ask)).toContain('NGINX_OUTDATED');
        const before = await must(machine, `cat ${SITE} /etc/rpmyard/config.yml`);
        const pid = await must(machine, 'systemctl show --property MainPID rpmyard');
        await must(machine, upgrade);
        expect(await must(machine, `cat ${SITE} /etc/rpmyard/config.yml`)).toBe(before);
        expect(await must(machine, 'systemctl show --property MainPID rpmyard')).not.toBe(pid);
        // nginx's old workers may take a request after its reload.
        await eventually(async () => expect(await must(machine, ask)).toContain('"faults":[]'));
        expect(await must(machine, 'rpmyard verify')).toContain('1 package, all right');

        await must(machine, 'apt-get remove -y rpmyard && nginx -t');
        const units = await machine.run('systemctl is-active rpmyard.socket rpmyard nginx');
        expect(units.stdout).toBe('inactive\ninactive\nactive\n');
        expect(
          await must(
            machine,
            `ls -d /usr/lib/rpmyard /var/cache/rpmyard ${SITE}* /etc/rpmyard/* 2>/dev/null; true`,
          ),
        ).toBe(`/etc/nginx/conf.d/rpmyard.conf.removed\n/etc/rpmyard/config.yml`);
        await must(machine, `${install}\nnginx -t`);
        expect(await must(machine, `cat ${SITE} /etc/rpmyard/config.yml`)).toBe(before);

        await must(machine, 'apt-get purge -y rpmyard && nginx -t');
        expect(
          await must(machine, `ls -d ${SITE}* /etc/rpmyard /etc/logrotate.d/rpmyard 2>/dev/null; true`),
        ).toBe('');
        expect(await must(machine, 'ls /srv/repo/storage/9/x86_64/Packages')).toBe(HELLO);
      });
    });
  },
);

async function prepare(machine: Machine): Promise<void> {
  for (const revision of [1, 2]) {
    const path = packagePath(revision);
    await execa('cp', [path, join(machine.rootDir, 'root')]);
  }
  await execa('cp', [join(temp.path, HELLO), join(machine.rootDir, 'root')]);
  await put(machine, '/etc/hosts', `127.0.0.1 localhost ${NAME}\n`);
}

/** The page's blocks, for this machine's name and architecture. */
async function readBlocks(): Promise<readonly string[]> {
  return (await readGuide(PAGE)).map(
    ({ content }) =>
      `set -e\ncd /root\n${content.replaceAll('repo.example.com', NAME).replaceAll('0.1.0', VERSION).replaceAll('amd64', architecture)}`,
  );
}
