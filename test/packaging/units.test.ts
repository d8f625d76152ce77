import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildRpm } from '../support/build-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { configure, installRpmyard, SOCKET } from '../support/installed-rpmyard.ts';
import { lacks } from '../support/lacks.ts';
import { type Machine, must, put, startMachine } from '../support/machine.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const CURL = `curl --silent --show-error --max-time 60 --unix-socket ${SOCKET}`;
const DROP_IN = '/etc/systemd/system/rpmyard.service.d/test.conf';
const FAST = '[Service]\nRestartSec=100ms\n';

let packages: TempDir;
let machine: Machine;

const run = (script: string): Promise<string> => must(machine, script);
const show = (property: string): Promise<string> =>
  run(`systemctl show rpmyard --property=${property} --value`);
const mainPid = async (): Promise<number> => Number(await show('MainPID'));

/** Settings over those of the unit, until the next test. */
const dropIn = async (text: string): Promise<void> => {
  await put(machine, DROP_IN, text);
  await run('systemctl daemon-reload');
};

/** Builds a package and puts it where nginx puts the bodies of uploads. */
async function spool(
  name: string,
  number: number,
): Promise<{ readonly path: string; readonly sha256: string }> {
  const file = await buildRpm({ name, files: { [`/usr/share/${name}`]: name } }, packages.path);
  const bytes = await readFile(file);
  const path = `/srv/repo/spool/${String(number).padStart(10, '0')}`;
  await put(machine, path, bytes, 0o600);
  await put(machine, `/root/${basename(file)}`, bytes);
  await run(`chown nginx:nginx ${path}`);
  return { path, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** As nginx hands over an upload. @returns status and body in one text. */
const hand = (path: string, query = '?wait=50'): Promise<string> =>
  run(`${CURL} -w ' %{http_code}' -X PUT -H 'X-Package-Name: ${path}' 'http://repo/upload${query}'`);

/** Each line that the service wrote in this start of it. */
async function journal(): Promise<readonly { readonly PRIORITY: string; readonly MESSAGE: string }[]> {
  const lines = await run(
    'journalctl --sync; journalctl --boot -t rpmyard -o json --output-fields=PRIORITY,MESSAGE',
  );
  return lines === '' ? [] : lines.split('\n').map((line) => JSON.parse(line));
}

async function expectNothingDenied(): Promise<void> {
  const lines = await journal();
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter(({ MESSAGE }) => /EPERM|EACCES|EROFS|not permitted/.test(MESSAGE))).toEqual([]);
}

const repositoryFile = (name: string): string =>
  `/srv/repo/storage/9/x86_64/Packages/${name}-1.0-1.el9.noarch.rpm`;

describe.skipIf(lacks('a long run') || lacks('machines'))(
  'the service under systemd (needs a long run and machines)',
  () => {
    beforeAll(async () => {
      packages = await createTempDir();
      machine = await startMachine();
      await installRpmyard(machine);
    });

    afterAll(async () => {
      await machine?.[Symbol.asyncDispose]();
      await packages?.remove();
    });

    beforeEach(async () => {
      // Killed, which is faster: nothing of the test before is kept.
      await run('systemctl kill --signal=KILL rpmyard; systemctl stop rpmyard.service rpmyard.socket');
      await configure(machine);
      await put(machine, DROP_IN, FAST);
      await run(
        'systemctl daemon-reload && systemctl reset-failed && rm -rf /srv/repo/* &&' +
          ' systemd-tmpfiles --create rpmyard.conf && journalctl --rotate --vacuum-time=1s',
      );
    });

    it('is active only when it answers, and says what it serves', async () => {
      // A start that is never told to systemd is none.
      await dropIn(`${FAST}NotifyAccess=none\nTimeoutStartSec=3s\nRestart=no\n`);
      const untold = await machine.run('systemctl start rpmyard');
      expect(untold.exitCode).not.toBe(0);
      await dropIn(FAST);

      await run('systemctl start rpmyard');
      expect(await run(`${CURL} --max-time 2 http://repo/healthz`)).toBe('OK');
      expect(await show('StatusText')).toBe(`Serving http://repo.example.com on ${SOCKET}`);
    });

    it('is started by the first connection, and its socket outlives it', async () => {
      await run('systemctl start rpmyard.socket');
      expect(await show('ActiveState')).toBe('inactive');
      for (const round of ['first', 'second']) {
        expect(await run(`${CURL} http://repo/healthz`), round).toBe('OK');
        await run('systemctl stop rpmyard');
        expect(await show('Result'), round).toBe('success');
        expect(await run(`stat -c %U:%G:%a ${SOCKET}`), round).toBe('nginx:nginx:660');
      }
    });

    it('ends with its socket', async () => {
      await run('systemctl start rpmyard');
      await run('systemctl stop rpmyard.socket');
      expect(await show('ActiveState')).toBe('inactive');
    });

    it('links an upload from the spool into the tree and indexes it, under all restrictions', async () => {
      await run('systemctl start rpmyard');
      const { path } = await spool('linked', 1);
      const inode = await run(`stat -c %i ${path}`);
      expect(await hand(path)).toMatch(/ 201$/);
      expect(await run(`stat -c '%i %a' ${repositoryFile('linked')}`)).toBe(`${inode} 644`);
      expect(await run('zcat /srv/repo/storage/9/x86_64/repodata/*-primary.xml.gz')).toContain('linked');
      await expectNothingDenied();
    });

    it('runs gpg, rpmsign, gpgv and createrepo_c under all restrictions', async () => {
      const key = await run('runuser -u nginx -- rpmyard key init -c /etc/rpmyard/config.yml');
      const signing = { keys: [/[0-9A-F]{40}/.exec(key)?.[0]], sign_packages: true };
      await configure(machine, { signing, index_updater: { engine: 'createrepo' } });
      await run('systemctl start rpmyard');
      const signed = await spool('signed', 1);
      expect(await hand(signed.path)).toMatch(/ 201$/);
      const publicKey = '/srv/repo/storage/RPM-GPG-KEY-rpmyard';
      const rpmkeys = 'rpmkeys --dbpath /root/rpm';
      await run(`${rpmkeys} --import ${publicKey}`);
      expect(await run(`${rpmkeys} --checksig -v ${repositoryFile('signed')}`)).toMatch(
        /signature[^\n]*: OK/i,
      );
      expect(
        await run(
          `gpg --batch --yes --dearmor -o /root/keys.gpg ${publicKey} && cd /srv/repo/storage/9/x86_64/repodata` +
            ' && gpgv --keyring /root/keys.gpg repomd.xml.asc repomd.xml 2>&1',
        ),
      ).toContain('Good signature');
      expect(await run('zcat /srv/repo/storage/9/x86_64/repodata/*-primary.xml.gz')).toContain('signed');

      await configure(machine, {
        signing,
        package_signatures: {
          keyrings: [{ repositories: ['9/*'], key_files: [publicKey], require: 'signed' }],
        },
      });
      await run('systemctl restart rpmyard');
      const again = '/srv/repo/spool/0000000002';
      await run(`install -o nginx -g nginx -m 600 ${repositoryFile('signed')} ${again}`);
      expect(await hand(again)).toMatch(/ 200$/);
      const unsigned = await spool('unsigned', 3);
      expect(await hand(unsigned.path)).toMatch(/PACKAGE_UNSIGNED.* 422$/s);
      await expectNothingDenied();
    });

    it('can write below /srv/repo and nowhere else, and has no network', async () => {
      await run('systemctl start rpmyard');
      const inside = `nsenter --target=${await mainPid()} --mount --root --wd`;
      expect(await run(`${inside} touch /srv/repo/spool/probe && echo written`)).toBe('written');
      for (const path of ['/etc', '/usr', '/var/lib', '/var/log', '/srv', '/root', '/boot']) {
        const { stderr } = await machine.run(`${inside} touch ${path}/probe`);
        expect(stderr, path).toMatch(/Read-only file system|Permission denied/);
      }
      expect(await run(`readlink /proc/${await mainPid()}/ns/net`)).not.toBe(
        await run('readlink /proc/1/ns/net'),
      );
      expect(await run(`grep -E '^(Seccomp|NoNewPrivs|CapBnd):' /proc/${await mainPid()}/status`)).toMatch(
        /CapBnd:\s+0000000000000000\n[^]*NoNewPrivs:\s+1\n[^]*Seccomp:\s+2/,
      );
    });

    it('serves a port of this machine, with the two drop-ins of the documentation', async () => {
      await put(
        machine,
        '/etc/systemd/system/rpmyard.socket.d/port.conf',
        '[Socket]\nListenStream=\nListenStream=127.0.0.1:5000\n',
      );
      await dropIn(`${FAST}IPAddressAllow=localhost\n`);
      await configure(machine, { server: { address: '127.0.0.1', port: 5000 } });
      try {
        await run('systemctl start rpmyard');
        expect(await run('curl --silent --max-time 30 http://127.0.0.1:5000/healthz')).toBe('OK');
      } finally {
        await run('systemctl stop rpmyard.socket; rm -r /etc/systemd/system/rpmyard.socket.d');
      }
    });

    it('is restarted by the watchdog when it hangs', async () => {
      await dropIn(`${FAST}WatchdogSec=2s\n`);
      await run('systemctl start rpmyard');
      const pid = await mainPid();
      await run(`kill -STOP ${pid}`);
      await eventually(async () => {
        expect(await mainPid()).not.toBe(pid);
        expect(await show('ActiveState')).toBe('active');
      });
      expect(await run('journalctl --boot -u rpmyard')).toContain('Watchdog timeout');
      expect(await run(`${CURL} http://repo/healthz`)).toBe('OK');
    });

    it('outlives many times its watchdog while it is well', async () => {
      await dropIn(`${FAST}WatchdogSec=1s\n`);
      await run('systemctl start rpmyard');
      const pid = await mainPid();
      const seen = new Set<string>();
      await eventually(async () => {
        seen.add(await show('WatchdogTimestampMonotonic'));
        expect(seen.size).toBeGreaterThan(12);
      });
      expect(await mainPid()).toBe(pid);
    });

    it('loses no request while it is restarted again and again', async () => {
      await run('systemctl start rpmyard');
      await put(
        machine,
        '/root/stream.sh',
        `until [ -e /root/enough ]; do ${CURL} -o /dev/null -w '%{http_code}\\n' http://repo/healthz || echo "curl $?"; done`,
      );
      const stream = run('rm -f /root/enough; for sender in 1 2 3 4; do bash /root/stream.sh & done; wait');
      for (let round = 0; round < 4; round++) await run('systemctl restart rpmyard');
      await run('touch /root/enough');
      const answers = (await stream).split('\n');
      expect(answers.length).toBeGreaterThan(20);
      expect(answers.filter((answer) => answer !== '200')).toEqual([]);
    });

    it('finishes an upload in flight when it is stopped, and ends with success', async () => {
      await run('systemctl start rpmyard');
      await spool('slow', 1);
      const upload = run(
        `head -c 3000000 /dev/urandom > /root/filler; ${CURL} --limit-rate 400k -w ' %{http_code}' ` +
          `-F 'filler=@/root/filler;filename=filler.rpm' -F 'package=@/root/slow-1.0-1.el9.noarch.rpm' http://repo/upload`,
      );
      await eventually(async () => expect(await run('ls /srv/repo/spool')).toContain('.part'));
      await run('systemctl stop rpmyard');
      expect(await upload).toContain('slow-1.0-1.el9.noarch');
      expect(await upload).toMatch(/ 207$/);
      expect(await run(`stat -c %s ${repositoryFile('slow')}`)).not.toBe('0');
      expect(await show('Result')).toBe('success');
    });

    it('is started again after SIGKILL, and loses nothing that was acknowledged', async () => {
      await configure(machine, { index_updater: { quiet_seconds: 3600, max_wait_seconds: 3600 } });
      await run('systemctl start rpmyard');
      const { path, sha256 } = await spool('kept', 1);
      expect(await hand(path, '')).toMatch(/ 201$/);
      const pid = await mainPid();
      await configure(machine);
      await run(`kill -KILL ${pid}`);
      const answer = await run(`${CURL} -w ' %{http_code}' 'http://repo/api/v1/uploads/${sha256}?wait=50'`);
      expect(answer).toMatch(/ 20[01]$/);
      expect(await mainPid()).not.toBe(pid);
      expect(await show('NRestarts')).toBe('1');
      expect(await run('zcat /srv/repo/storage/9/x86_64/repodata/*-primary.xml.gz')).toContain('kept');
    });

    it('writes each line with its level, and nothing in more than one', async () => {
      await configure(machine, {
        log: { name: 'syslog', level: 'DEBUG' },
        index_updater: { executable: '/nonexistent/createrepo_c', engine: 'createrepo' },
      });
      await run('systemctl start rpmyard');
      const { path } = await spool('unlucky', 1);
      expect(await hand(path)).toMatch(/ 503$/);
      await run('systemctl stop rpmyard');

      const lines = await journal();
      const levels = lines.map(({ PRIORITY, MESSAGE }) => [JSON.parse(MESSAGE).level, PRIORITY]);
      expect(new Set(levels.map(([level]) => level))).toEqual(new Set([20, 30, 40, 50]));
      for (const [level, priority] of levels) {
        expect(priority).toBe({ 20: '7', 30: '6', 40: '4', 50: '3' }[String(level)]);
      }
      const errors = await run('journalctl --boot -t rpmyard -p err -o cat');
      const expected = lines.filter(({ MESSAGE }) => JSON.parse(MESSAGE).level >= 50);
      expect(errors.split('\n')).toEqual(expected.map(({ MESSAGE }) => MESSAGE));
    });

    it.each([
      [
        'CONFIG_INVALID',
        { repo: { top_dir: 'relative', unknown_option: 1 }, index_updater: { quiet_seconds: -1 } },
      ],
      ['LISTEN_FAILED', { server: { address: '/run/rpmyard/other.sock' } }],
      ['LISTEN_FAILED', { server: { address: '127.0.0.1', port: 5000 } }],
    ])('says why it does not start in one line of level err: %s', async (code, config) => {
      await configure(machine, config);
      expect((await machine.run('systemctl start rpmyard')).exitCode).not.toBe(0);
      const errors = (await journal()).filter(({ PRIORITY }) => PRIORITY === '3');
      expect(errors[0]?.MESSAGE).toMatch(new RegExp(`^rpmyard serve: ${code}: `));
      const others = (await journal()).filter(({ PRIORITY }) => PRIORITY !== '3');
      for (const { MESSAGE } of others) expect(MESSAGE).toMatch(/^\{"level":[34]0,/);

      // It is tried again, and heals when the cause has gone.
      await configure(machine);
      expect(await run(`${CURL} http://repo/healthz`)).toBe('OK');
    });
  },
);
