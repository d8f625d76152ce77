import { measureHeader } from '../rpm/rpm-parser/measure-header.ts';
import { parseRpm } from '../rpm/rpm-parser/parse-rpm.ts';
import { verifyHeaderDigests } from '../rpm/rpm-parser/verify-header-digests.ts';
import { checkAcceptance } from './inspect/acceptance.ts';
import { asAppError } from './read-header.ts';

/**
 * Checks the first bytes of a package before the rest is read. A header that goes on after these bytes is checked only as far
 * as they tell.
 * @param sizeBytes of the whole file.
 * @throws AppError RPM_*, TEXT_NOT_XML, DEPENDENCY_INVALID.
 */
export function checkStart(bytes: Uint8Array, sizeBytes: number): void {
  const extent = asAppError(() => measureHeader(bytes, sizeBytes));
  if (!extent.isComplete) return;
  const rpm = asAppError(() => parseRpm(bytes, sizeBytes));
  asAppError(() => verifyHeaderDigests(bytes, rpm));
  checkAcceptance(rpm);
}
