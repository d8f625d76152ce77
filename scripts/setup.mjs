// Installs what a checkout needs: npm packages, the locked Node when the machine's is too old, system tools for the tests.
// Plain JavaScript for old Nodes: it is the first thing that runs on a fresh machine, with whatever Node is there.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const MODULES = join(ROOT, 'node_modules');
const OWN_NODE = join(MODULES, '.bin', 'node');
// The Node of the RPM and Debian packages: its lock file has the version and the digest of what is installed.
const LOCKED_NODE = join(ROOT, 'packaging', 'node');
// npm leaves what begins with a dot alone: an install of the checkout's own packages would remove it elsewhere.
const NODE_FOLDER = join(MODULES, '.rpmyard-node');
// npm puts node_modules/.bin first, where our own Node may be; this is what the machine has.
const MACHINE_PATH = (process.env.PATH ?? '')
  .split(':')
  .filter((folder) => !folder.endsWith('node_modules/.bin'))
  .join(':');
const INSTALLED_MARK = join(MODULES, '.rpmyard-setup');
const NODE_MAJOR = 24;

// Command that proves the tool is there -> package that brings it, by package manager.
const SYSTEM_TOOLS = [
  ['rpmbuild', { apt: 'rpm', dnf: 'rpm-build' }],
  ['createrepo_c', { apt: 'createrepo-c', dnf: 'createrepo_c' }],
  ['dnf', { apt: 'dnf', dnf: 'dnf' }],
  ['zypper', { apt: 'zypper', dnf: 'zypper' }],
  ['nginx', { apt: 'nginx-light', dnf: 'nginx' }],
  ['curl', { apt: 'curl', dnf: 'curl' }],
  ['xz', { apt: 'xz-utils', dnf: 'xz' }],
  ['bzip2', { apt: 'bzip2', dnf: 'bzip2' }],
  ['zstd', { apt: 'zstd', dnf: 'zstd' }],
  ['strace', { apt: 'strace', dnf: 'strace' }],
  ['rpmmd2solv', { apt: 'libsolv-tools', dnf: 'libsolv-tools' }],
  ['gpg', { apt: 'gnupg', dnf: 'gnupg2' }],
  ['gpgv', { apt: 'gpgv', dnf: 'gnupg2' }],
  ['rpmsign', { apt: 'rpm', dnf: 'rpm-sign' }],
  ['openssl', { apt: 'openssl', dnf: 'openssl' }],
  ['groff', { apt: 'groff-base', dnf: 'groff-base' }],
  ['promtool', { apt: 'prometheus', dnf: 'golang-github-prometheus' }],
  ['systemd-analyze', { apt: 'systemd', dnf: 'systemd' }],
  ['setpriv', { apt: 'util-linux', dnf: 'util-linux' }],
  ['ip', { apt: 'iproute2', dnf: 'iproute' }],
  ['checkmodule', { apt: 'checkpolicy', dnf: 'checkpolicy' }],
  ['logrotate', { apt: 'logrotate', dnf: 'logrotate' }],
  ['rsync', { apt: 'rsync', dnf: 'rsync' }],
  ['wget', { apt: 'wget', dnf: 'wget' }],
  ['lftp', { apt: 'lftp', dnf: 'lftp' }],
  ['sftp', { apt: 'openssh-client', dnf: 'openssh-clients' }],
  ['sftp-server', { apt: 'openssh-sftp-server', dnf: 'openssh-server' }],
  ['tinyproxy', { apt: 'tinyproxy-bin', dnf: 'tinyproxy' }],
  ['semodule_package', { apt: 'semodule-utils', dnf: 'policycoreutils' }],
  // For the Debian package, which is tried on Debian alone.
  ['lintian', { apt: 'lintian' }],
];

// Of programs that only other programs call.
const PROGRAM_FOLDERS = ['/usr/lib/openssh', '/usr/libexec/openssh'];

// Module of the system's own Python -> package that brings it.
const PYTHON_MODULES = [
  ['createrepo_c', { apt: 'python3-createrepo-c', dnf: 'python3-createrepo_c' }],
  ['yaml', { apt: 'python3-yaml', dnf: 'python3-pyyaml' }],
  ['solv', { apt: 'python3-solv', dnf: 'python3-solv' }],
];

main();

function main() {
  if (packagesAreStale()) installPackages();
  if (majorVersion('node') < NODE_MAJOR) provideNode();
  if (!process.argv.includes('--node-only')) installSystemTools();
}

function installPackages() {
  // --no-save: what is locked is installed and the lock file stays as it is. Not `npm ci`: that refuses to run where
  // the registry lacks the binaries of other platforms, which optional dependencies of the tools name.
  run('npm', ['install', '--no-save', '--loglevel=error'], 'npm packages could not be installed');
  writeFileSync(INSTALLED_MARK, '');
}

// What is there already needs no network. An install of the checkout's own packages may remove the link, and only that.
function provideNode() {
  const { name, version } = lockedNode();
  const binary = join(NODE_FOLDER, 'node_modules', name, 'bin', 'node');
  if (versionOf(binary) !== version) installNode(version);
  if (versionOf(binary) !== version) {
    // npm goes on without what is optional, also when its digest is not the locked one.
    fail(
      `Node ${version} could not be installed as it is locked, or does not run here; install Node ${NODE_MAJOR} or newer yourself`,
    );
  }
  if (existsSync(OWN_NODE) && realpathSync(OWN_NODE) === realpathSync(binary)) return;
  mkdirSync(dirname(OWN_NODE), { recursive: true });
  rmSync(OWN_NODE, { force: true });
  symlinkSync(relative(dirname(OWN_NODE), binary), OWN_NODE);
}

function lockedNode() {
  const name = `node-${process.platform}-${process.arch}`;
  const { packages } = JSON.parse(readFileSync(join(LOCKED_NODE, 'package-lock.json'), 'utf8'));
  const locked = packages[`node_modules/${name}`];
  if (!locked) {
    fail(
      `this machine's Node is older than ${NODE_MAJOR}, and none is locked for ${process.platform} on ${process.arch}; install Node ${NODE_MAJOR} or newer yourself`,
    );
  }
  return { name, version: locked.version };
}

function installNode(version) {
  say(`this machine's Node is older than ${NODE_MAJOR}; installing Node ${version} into node_modules`);
  rmSync(NODE_FOLDER, { recursive: true, force: true });
  mkdirSync(NODE_FOLDER, { recursive: true });
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(join(LOCKED_NODE, file), join(NODE_FOLDER, file));
  const args = [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--include=optional',
    '--loglevel=error',
    '--prefix',
    NODE_FOLDER,
  ];
  run('npm', args, `Node ${version} could not be installed`);
}

function packagesAreStale() {
  if (!existsSync(INSTALLED_MARK)) return true;
  return statSync(join(ROOT, 'package-lock.json')).mtimeMs > statSync(INSTALLED_MARK).mtimeMs;
}

function majorVersion(command) {
  return Number(versionOf(command).split('.')[0]);
}

/** `24.21.0`; `0` for what does not run. */
function versionOf(command) {
  const env = { ...process.env, PATH: MACHINE_PATH };
  const result = spawnSync(command, ['--version'], { encoding: 'utf8', env });
  const match = /^v(\d+\.\d+\.\d+)/.exec(result.stdout ?? '');
  return match ? match[1] : '0';
}

function installSystemTools() {
  const manager = ['apt', 'dnf'].find((name) => isInstalled(name === 'apt' ? 'apt-get' : name)) ?? 'apt';
  const missing = [
    ...SYSTEM_TOOLS.filter(([command]) => !isInstalled(command)),
    ...PYTHON_MODULES.filter(([module]) => !isImportable(module)),
  ].filter(([, names]) => names[manager] !== undefined);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, names]) => names[manager]))];
  const command = manager === 'apt' ? 'apt-get' : 'dnf';
  const flags = manager === 'apt' ? ['install', '-y', '--no-install-recommends'] : ['install', '-y'];
  if (process.getuid?.() !== 0) {
    fail(
      `the tests need system tools; install them with:\n  sudo ${[command, ...flags, ...packages].join(' ')}`,
    );
  }
  say(`installing system tools: ${packages.join(' ')}`);
  if (manager === 'apt') run('apt-get', ['update', '-q'], 'the package lists could not be read');
  run(command, [...flags, ...packages], 'system tools could not be installed');
}

function isInstalled(command) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', ...PROGRAM_FOLDERS];
  return folders.some((folder) => existsSync(join(folder, command)));
}

function isImportable(module) {
  return spawnSync('/usr/bin/python3', ['-c', `import ${module}`]).status === 0;
}

function run(command, args, failure) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const result = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], env });
  if (result.status !== 0) fail(`${failure}: "${command} ${args.join(' ')}" failed`);
}

function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

function fail(line) {
  say(line);
  process.exit(1);
}
