import type { Logger } from 'pino';
import { findConfigWarnings } from '../base/config/find-config-warnings.ts';
import type { Config } from '../base/config/load.ts';
import { type AppError, toAppError } from '../errors.ts';
import type { Signer } from '../trust/signer.ts';
import type { Tree } from './open-tree.ts';

const WEAK_KEY =
  'hosts of today refuse this key of signing.keys; make one with "rpmyard key init --another" and change over to it';

/** Logs what is wrong at a start and does not keep the service from serving. */
export async function warnAtStart(
  config: Config,
  { reindexParts, signer }: Tree,
  log: Logger,
): Promise<void> {
  for (const warning of findConfigWarnings(config)) log.warn({}, warning);
  warnOfFault(await reindexParts.engine.findFault(), 'uploads are taken all the same', log);
  warnOfFault(await signer?.findFault(), 'uploads are taken all the same, indexes stay as they are', log);
  await warnOfWeakKeys(signer, log);
}

function warnOfFault(fault: AppError | undefined, consequence: string, log: Logger): void {
  if (fault === undefined) return;
  const { message, hint, code } = fault;
  log.warn({ code, hint }, `${message}; ${consequence}. ${hint}`);
}

async function warnOfWeakKeys(signer: Pick<Signer, 'findWeakKeys'> | undefined, log: Logger): Promise<void> {
  try {
    for (const weakKey of (await signer?.findWeakKeys()) ?? []) log.warn(weakKey, WEAK_KEY);
  } catch (error) {
    warnOfFault(toAppError(error), 'the service does not know whether hosts refuse a signing key', log);
  }
}
