import type { DigestedFile, PushOptions, PushTerms } from '../push-options.ts';
import { isOutcomeFor, type Outcome, readBatchAnswer, readOutcome } from '../read-answer.ts';

// The service does not know the package, or this token may not see it: then the file is sent.
const NO_HELP = new Set([401, 403, 404]);

/**
 * Asks what became of a file whose upload got no answer.
 * @returns undefined when it has to be sent.
 * @throws PushFailure for any other answer; the error of the connection.
 */
export async function askOutcome(file: DigestedFile, options: PushOptions): Promise<Outcome | undefined> {
  const { urls, exchange } = options;
  const { batchId } = options.terms;
  const path = batchId === undefined ? `uploads/${file.sha256}` : `batches/${batchId}`;
  const answer = await exchange({ method: 'GET', url: urls.api(path) });
  if (NO_HELP.has(answer.status)) return undefined;
  if (batchId !== undefined) return readBatchAnswer(answer).packages.find(isOutcomeFor(file.sha256));
  const outcome = readOutcome(answer);
  return liesWhereAsked(outcome, options.terms) ? outcome : undefined;
}

/** The same package may have been sent before to another releasever. */
function liesWhereAsked({ places }: Outcome, { releasever }: PushTerms): boolean {
  if (releasever === undefined) return true;
  return places.every(({ repository }) => repository.startsWith(`${releasever}/`));
}
