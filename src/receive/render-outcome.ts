import { type AppError, errorLine, problemOf } from '../errors.ts';
import type { UploadOutcome } from './upload-outcome.ts';

/** One file's result in the answer to a form upload: what became of it, or its error. */
export type FileResult =
  | { readonly fileName: string; readonly outcome: UploadOutcome; readonly isPending: boolean }
  | { readonly fileName: string; readonly error: AppError };

/** The status of an answer without waiting. */
export function statusOf({ outcome }: UploadOutcome): 200 | 201 | 202 {
  if (outcome === 'staged') return 202;
  return outcome === 'created' ? 201 : 200;
}

/** `OK - Accessible as <url>`, the answer build jobs have always looked for. */
export function outcomeLine(outcome: UploadOutcome): string {
  const { batch } = outcome;
  if (batch !== undefined) {
    return `STAGED - In batch ${batch}, POST /api/v1/batches/${batch}/commit publishes it\n`;
  }
  return `OK - Accessible as ${outcome.places[0]?.url ?? ''}\n`;
}

/** The answer when the time of a wait was up: stored, but not to be installed yet. */
export function waitingLine(outcome: UploadOutcome): string {
  return `WAITING - Not in the index yet: ${outcome.places[0]?.url ?? ''}, ask /api/v1/uploads/${outcome.sha256}\n`;
}

/** The results of a form upload as lines, one a file. */
export function resultLines(results: readonly FileResult[]): string {
  return results
    .map((result) => {
      if ('error' in result) return errorLine(result.error, result.fileName);
      return result.isPending ? waitingLine(result.outcome) : outcomeLine(result.outcome);
    })
    .join('');
}

/** The results of a form upload as JSON. */
export function resultDocument(results: readonly FileResult[], requestId: string): object {
  return {
    results: results.map((result) =>
      'outcome' in result
        ? {
            file: result.fileName,
            status: result.isPending ? 202 : statusOf(result.outcome),
            ...result.outcome,
          }
        : { file: result.fileName, ...problemOf(result.error, requestId) },
    ),
  };
}
