import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Machine, must, put } from './machine.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM_DIR = '/usr/lib/rpmyard';
const NODE = `${PROGRAM_DIR}/bin/node`;
const PARTS = ['bin', 'src', 'nginx', 'package.json'];
/** What a checkout needs for working on it; hundreds of megabytes of memory on the machine. */
const NOT_NEEDED =
  /^(?:node|\.bin|@biomejs|@oxlint.*|@rolldown|@typescript|@babel|lightningcss.*|caniuse-lite)$/;

export const SOCKET = '/run/rpmyard/rpmyard.sock';

/** As the RPM package does it (packaging/rpm/rpmyard.spec), with this checkout and this Node; nothing is started. */
export async function installRpmyard(machine: Machine): Promise<void> {
  const program = join(machine.rootDir, PROGRAM_DIR);
  await mkdir(program);
  for (const part of PARTS) await cp(join(CHECKOUT, part), join(program, part), { recursive: true });
  await mkdir(join(program, 'node_modules'));
  for (const name of await readdir(join(CHECKOUT, 'node_modules'))) {
    if (NOT_NEEDED.test(name)) continue;
    await cp(join(CHECKOUT, 'node_modules', name), join(program, 'node_modules', name), { recursive: true });
  }
  await cp(process.execPath, join(machine.rootDir, NODE), { dereference: true });
  const start = await readFile(join(CHECKOUT, 'bin/rpmyard'), 'utf8');
  await put(machine, `${PROGRAM_DIR}/bin/rpmyard`, start.replace(/^#!\/usr\/bin\/env -S node/, `#!${NODE}`));
  await put(machine, '/usr/bin/rpmyard', await readFile(join(CHECKOUT, 'packaging/rpmyard.sh')), 0o755);
  for (const unit of ['rpmyard.service', 'rpmyard.socket']) {
    await cp(join(CHECKOUT, 'packaging/systemd', unit), join(machine.rootDir, 'etc/systemd/system', unit));
  }
  await cp(
    join(CHECKOUT, 'packaging/tmpfiles.d/rpmyard.conf'),
    join(machine.rootDir, 'etc/tmpfiles.d/rpmyard.conf'),
  );
  await must(
    machine,
    'getent passwd nginx >/dev/null || useradd --system --home-dir /var/lib/nginx --shell /usr/sbin/nologin nginx',
  );
  await must(machine, `chmod -R a+rX ${PROGRAM_DIR} && systemd-tmpfiles --create rpmyard.conf`);
  await must(machine, 'systemctl daemon-reload');
}

/** Writes /etc/rpmyard/config.yml, over what the packaged one says. */
export async function configure(
  machine: Machine,
  config: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {},
): Promise<void> {
  const sections = {
    ...config,
    server: { address: SOCKET, public_url: 'http://repo.example.com', ...config['server'] },
    repo: { top_dir: '/srv/repo/storage', ...config['repo'] },
    index_updater: { quiet_seconds: 0, ...config['index_updater'] },
    log: { name: 'syslog', ...config['log'] },
  };
  // YAML is a superset of JSON.
  await put(machine, '/etc/rpmyard/config.yml', JSON.stringify(sections, null, 2));
}
