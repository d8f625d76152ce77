import { join } from 'node:path';
import type { Config } from './load.ts';

/** What is usable in a configuration and still puts something at risk: one line each, with path, risk and remedy. */
export function findWarnings({ server, stateDir }: Pick<Config, 'server' | 'stateDir'>): readonly string[] {
  const { listen, uploadHeader } = server;
  if ('path' in listen || uploadHeader === undefined) return [];
  const socket = join(stateDir, 'rpmyard.sock');
  return [
    `server.address: every user of this machine can connect to ${listen.host}:${listen.port}, pass off the upload of another client as his own, and change a package after it was published. Write "address: ${socket}" here, and "server unix:${socket};" in the upstream of nginx's rpmyard.conf; then restart the service and reload nginx`,
  ];
}
