import type { Logger } from 'pino';
import { type ClientConfig, KEY_FILE, writeGeneralRepoFile, writeKeyFile } from '../http/client-config.ts';
import type { Tree } from './open-tree.ts';

/** What hosts need before the first package. */
export async function writeClientFiles(
  { folders: { topDir }, signer }: Tree,
  clientConfig: ClientConfig,
  log: Logger,
): Promise<void> {
  try {
    await writeGeneralRepoFile(topDir, clientConfig);
  } catch (error) {
    log.error({ err: error }, 'rpmyard.repo not written');
  }
  try {
    await writeKeyFile(topDir, await signer?.exportKeys());
  } catch (error) {
    log.error({ err: error }, `${KEY_FILE} not written: hosts cannot import the keys`);
  }
}
