import { execa } from 'execa';
import { buildSpec } from './build-spec.ts';
import { runCreaterepo } from './run-createrepo.ts';

/** The oldest C library and C++ library of a system that the package is for: Enterprise Linux 8. */
const PLATFORM = [
  /^(?:libc|libdl|libm|libpthread|librt)\.so\.\d\(\)\(64bit\)$/,
  /^(?:libc|libdl|libm|libpthread|librt)\.so\.\d\(GLIBC_2\.(?:\d|1\d|2[0-8])(?:\.\d+)?\)\(64bit\)$/,
  /^ld-linux-x86-64\.so\.2\((?:GLIBC_2\.(?:\d|1\d|2[0-8])(?:\.\d+)?)?\)\(64bit\)$/,
  /^libstdc\+\+\.so\.6\((?:GLIBCXX_3\.4(?:\.(?:\d|1\d|2[0-5]))?|CXXABI_1\.3(?:\.(?:\d|1[01]))?)?\)\(64bit\)$/,
  /^libgcc_s\.so\.1\((?:GCC_[34]\.\d)?\)\(64bit\)$/,
  /^rtld\(GNU_HASH\)$/,
  /^\/(?:usr\/)?bin\/(?:sh|env)$/,
  /^systemd$/,
];

// As Enterprise Linux 9 has it, shortened: files of conf.d come before its own server.
const NGINX_CONF = `user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
    access_log /var/log/nginx/access.log;
    types_hash_max_size 4096;
    default_type application/octet-stream;
    include /etc/nginx/conf.d/*.conf;
    server {
        listen 80;
        listen [::]:80;
        server_name _;
        root /usr/share/nginx/html;
    }
}
`;

/** What a package needs that is neither Enterprise Linux 8 nor nginx. */
export async function foreignRequirements(rpmPath: string): Promise<readonly string[]> {
  const requirements = await requirementsOf(rpmPath);
  return requirements.filter((name) => name !== 'nginx' && !PLATFORM.some((known) => known.test(name)));
}

/**
 * Makes packages that stand for what Debian has no package of: a base with the libraries' names, and nginx with its user
 * and the configuration of Enterprise Linux around the nginx of this machine.
 * @param directory becomes a repository for dnf.
 */
export async function buildEnterpriseLinux(directory: string, rpmPath: string): Promise<void> {
  const provided = (await requirementsOf(rpmPath)).filter((name) => name !== 'nginx');
  const release = ['system-release = 9', 'system-release(releasever) = 9'];
  const base = [...release, 'gnupg2', 'rpm-sign', 'xz', 'bzip2', ...provided];
  await buildSpec(
    {
      name: 'el',
      packages: [
        { name: 'base', preamble: base.map((name) => `Provides: ${name}`), files: [] },
        {
          name: 'nginx',
          preamble: ['Provides: nginx = 1:1.20.1'],
          install: [
            'mkdir -p "$RPM_BUILD_ROOT/etc/nginx"',
            `cat > "$RPM_BUILD_ROOT/etc/nginx/nginx.conf" <<'CONF'\n${NGINX_CONF}CONF`,
          ],
          files: ['/etc/nginx/nginx.conf'],
          scriptlets: [
            '%pre %{self}\nuseradd --system --shell /sbin/nologin --home-dir /var/lib/nginx nginx',
          ],
        },
      ],
    },
    directory,
  );
  await runCreaterepo(directory);
}

/** Names of what it needs, without those that rpm itself answers. */
async function requirementsOf(rpmPath: string): Promise<readonly string[]> {
  const { stdout } = await execa('rpm', ['-qp', '--qf', '[%{REQUIRENAME}\n]', rpmPath]);
  const names = stdout.split('\n').filter((name) => !/^(?:rpmlib|config)\(/.test(name));
  return [...new Set(names)];
}
