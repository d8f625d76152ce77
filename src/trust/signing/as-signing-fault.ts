import { AppError } from '../../errors.ts';

const ENDED_HINT =
  'It is tried again. An agent that asks a person for the passphrase cannot be used: set signing.passphrase_file.';

/**
 * Turns the fault of a program that is missing or was ended into one of signing: the publication waits and is tried
 * again.
 * @throws AppError SIGNING_FAILED in the place of SIGNING_TOOL_MISSING and SIGNING_TOOL_FAILED.
 */
export async function asSigningFault<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, message } = error;
    if (code !== 'SIGNING_TOOL_MISSING' && code !== 'SIGNING_TOOL_FAILED') throw error;
    const hint = code === 'SIGNING_TOOL_MISSING' ? error.hint : ENDED_HINT;
    throw new AppError('SIGNING_FAILED', message, { hint, cause: error });
  }
}
