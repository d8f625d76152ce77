// Installs what a checkout needs: npm packages, Node 24 when the machine's is older, system tools for the tests.
// Plain JavaScript for old Nodes: it is the first thing that runs on a fresh machine, with whatever Node is there.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const MODULES = join(ROOT, 'node_modules');
const OWN_NODE = join(MODULES, '.bin', 'node');
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
  ['sftp', { apt: 'openssh-client', dnf: 'openssh-clients' }],
  ['sftp-server', { apt: 'openssh-sftp-server', dnf: 'openssh-server' }],
  ['semodule_package', { apt: 'semodule-utils', dnf: 'policycoreutils' }],
];

// Of programs that only other programs call.
const PROGRAM_FOLDERS = ['/usr/lib/openssh', '/usr/libexec/openssh'];

// Module of the system's own Python -> package that brings it.
const PYTHON_MODULES = [
  ['createrepo_c', { apt: 'python3-createrepo-c', dnf: 'python3-createrepo_c' }],
  ['solv', { apt: 'python3-solv', dnf: 'python3-solv' }],
];

main();

function main() {
  const needsOwnNode = majorVersion('node') < NODE_MAJOR;
  const lacksNode = needsOwnNode && majorVersion(OWN_NODE) < NODE_MAJOR;
  if (packagesAreStale() || lacksNode) installPackages(needsOwnNode);
  if (!process.argv.includes('--node-only')) installSystemTools();
}

function installPackages(needsOwnNode) {
  // --no-save: what is locked is installed and the lock file stays as it is. Not `npm ci`: that refuses to run where
  // the registry lacks the binaries of other platforms, which optional dependencies of the tools name.
  // Named each time: an install without it would remove it again.
  const node = needsOwnNode ? [`node@${NODE_MAJOR}`] : [];
  if (node.length > 0)
    say(`this machine's Node is older than ${NODE_MAJOR}; installing Node ${NODE_MAJOR} into node_modules`);
  run('npm', ['install', '--no-save', '--loglevel=error', ...node], 'npm packages could not be installed');
  if (node.length > 0 && majorVersion(OWN_NODE) < NODE_MAJOR) {
    fail(`Node ${NODE_MAJOR} was installed but does not run; install Node ${NODE_MAJOR} or newer yourself`);
  }
  writeFileSync(INSTALLED_MARK, '');
}

function packagesAreStale() {
  if (!existsSync(INSTALLED_MARK)) return true;
  return statSync(join(ROOT, 'package-lock.json')).mtimeMs > statSync(INSTALLED_MARK).mtimeMs;
}

function majorVersion(command) {
  const env = { ...process.env, PATH: MACHINE_PATH };
  const result = spawnSync(command, ['--version'], { encoding: 'utf8', env });
  const match = /^v(\d+)/.exec(result.stdout ?? '');
  return match ? Number(match[1]) : 0;
}

function installSystemTools() {
  const missing = [
    ...SYSTEM_TOOLS.filter(([command]) => !isInstalled(command)),
    ...PYTHON_MODULES.filter(([module]) => !isImportable(module)),
  ];
  if (missing.length === 0) return;
  const manager = ['apt', 'dnf'].find((name) => isInstalled(name === 'apt' ? 'apt-get' : name)) ?? 'apt';
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
