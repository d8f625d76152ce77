import { parseArgs } from 'node:util';
import { AppError, printable } from '../errors.ts';
import { listSecretKeys, makeKey } from '../trust/make-key.ts';
import { noteOwnAgent } from '../trust/own-agent.ts';
import { demandOwner } from './become-owner.ts';
import { KEY } from './commands.ts';
import { configEntry } from './config-entry.ts';
import { type CommandConfig, readConfig } from './read-config.ts';

/** `rpmyard key init`: makes a signing key for a service that has none. */
export async function key(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: KEY.options,
    allowPositionals: true,
  });
  if (positionals.length !== 1 || positionals[0] !== 'init') {
    throw new AppError('PARAMETER_INVALID', 'expected "init"', { hint: 'rpmyard key init -c config.yml' });
  }
  const { server, signing } = readConfig(values);
  // The service could not read keys of another user.
  demandOwner([signing.gnupgHome], 'key init');
  const endAgent = await noteOwnAgent(signing);
  try {
    return await init({ server, signing, isAnotherWanted: values.another === true });
  } finally {
    await endAgent();
  }
}

/** @throws AppError PARAMETER_INVALID, SIGNING_FAILED, SIGNING_TOOL_*. */
async function init({
  server,
  signing,
  isAnotherWanted,
}: Pick<CommandConfig, 'server' | 'signing'> & { readonly isAnotherWanted: boolean }): Promise<number> {
  const present = await listSecretKeys(signing);
  if (present.length > 0 && !isAnotherWanted) {
    throw new AppError('PARAMETER_INVALID', `${signing.gnupgHome} has a key already: ${present.join(', ')}`, {
      hint: 'Name it in signing.keys; --another makes one more, to change over to it.',
    });
  }
  const fingerprint = await makeKey(signing, `Rpmyard at ${new URL(server.publicUrl).host}`);
  process.stdout.write(report(fingerprint, signing));
  return 0;
}

function report(
  fingerprint: string,
  { keys, gnupgHome }: { readonly keys: readonly string[]; readonly gnupgHome: string },
): string {
  const entry = [...keys, fingerprint].map((one) => `- ${one}`);
  const order =
    keys.length === 0 ? '' : '\nThe first one signs: put the new key first when hosts have imported it.\n';
  return `${fingerprint}\nmade in ${printable(gnupgHome)}. ${configEntry({ section: 'signing', key: 'keys', entry })}${order}`;
}
