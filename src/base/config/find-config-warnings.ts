import { join } from 'node:path';
import type { Config } from './load.ts';
import { defaultPublicUrl } from './to-config.ts';

/** Settings that are usable and still put something at risk: one line each, with path, risk and remedy. */
export function findConfigWarnings(
  config: Pick<Config, 'server' | 'stateDir' | 'keyrings'>,
): readonly string[] {
  return [...addressWarnings(config), ...urlWarnings(config), ...keyringWarnings(config)];
}

function addressWarnings({ server, stateDir }: Pick<Config, 'server' | 'stateDir'>): readonly string[] {
  const { listen, uploadHeader } = server;
  if ('path' in listen || uploadHeader === undefined) return [];
  const socket = join(stateDir, 'rpmyard.sock');
  return [
    `server.address: every user of this machine can connect to ${listen.host}:${listen.port}, pass off the upload of another client as his own, and change a package after it was published. Write "address: ${socket}" into the configuration file, and "server unix:${socket};" in the upstream of nginx's rpmyard.conf; then restart the service and reload nginx`,
  ];
}

/** Behind nginx no host can reach the service's own address. */
function urlWarnings({ server }: Pick<Config, 'server'>): readonly string[] {
  const { listen, uploadHeader, publicUrl } = server;
  const own =
    'path' in listen ? defaultPublicUrl(listen.path, 0) : defaultPublicUrl(listen.host, listen.port);
  if (uploadHeader === undefined || publicUrl !== own) return [];
  return [
    `server.public_url: answers and .repo files send hosts to ${publicUrl}, which is this machine alone. Write the URL by which hosts reach nginx, such as "public_url: http://repo.example.com", into the section "server"`,
  ];
}

function keyringWarnings({ keyrings }: Pick<Config, 'keyrings'>): readonly string[] {
  return keyrings.flatMap(({ weak, require }, index) =>
    weak === undefined || require === 'signed'
      ? []
      : [
          `package_signatures.keyrings.${index}: "weak: ${weak}" does nothing, since no signature is required here. Add "require: signed", or remove it`,
        ],
  );
}
