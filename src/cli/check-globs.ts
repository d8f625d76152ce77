import { AppError } from '../errors.ts';
import { GLOB_PATTERN } from '../base/config/schema.ts';

const GLOB = new RegExp(GLOB_PATTERN);

/** @param option that they were given with. @throws AppError PARAMETER_INVALID. */
export function checkGlobs(option: string, globs: readonly string[]): readonly string[] {
  const wrong = globs.find((glob) => !GLOB.test(glob));
  if (wrong === undefined) return globs;
  throw new AppError('PARAMETER_INVALID', `${option} ${wrong} is no pattern of repositories`, {
    hint: 'Write it like 9/x86_64, 9/* or *.',
  });
}
