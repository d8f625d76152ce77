import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { eventually } from './eventually.ts';
import { findFreePort } from './free-port.ts';

/** A forward proxy, as companies have between their build hosts and the rest. */
export interface ForwardProxy extends AsyncDisposable {
  /** `127.0.0.1:<port>`. */
  readonly address: string;
  readonly log: () => Promise<string>;
}

export interface ForwardProxyOptions {
  /** An existing directory for its files. */
  readonly dir: string;
  /** It leads to this port alone when a client asks for a tunnel (CONNECT). */
  readonly tunnelPort: number;
}

/** Runs the real tinyproxy, which wants the password `secret` of the user `ci`. */
export async function startProxy({ dir, tunnelPort }: ForwardProxyOptions): Promise<ForwardProxy> {
  const port = await findFreePort();
  const logPath = join(dir, 'tinyproxy.log');
  const configPath = join(dir, 'tinyproxy.conf');
  await writeFile(
    configPath,
    [
      `Port ${port}`,
      'Listen 127.0.0.1',
      'Timeout 60',
      `LogFile "${logPath}"`,
      'LogLevel Info',
      'BasicAuth ci secret',
      `ConnectPort ${tunnelPort}`,
      '',
    ].join('\n'),
  );
  const child = execa('tinyproxy', ['-d', '-c', configPath], { reject: false, stdin: 'ignore' });
  const log = async (): Promise<string> => readFile(logPath, 'utf8');
  await eventually(async () => {
    if (!(await log()).includes('Accepting connections')) throw new Error('tinyproxy does not listen yet');
  });
  return {
    address: `127.0.0.1:${port}`,
    log,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await child;
    },
  };
}
