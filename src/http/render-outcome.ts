import { type AppError, errorLine, printable, problemOf } from '../errors.ts';
import type { UploadOutcome, UploadPlace } from '../api/upload-outcome.ts';

/** One file's result in the answer to a form: what became of it, or its error. */
export type FileResult =
  | { readonly fileName: string; readonly outcome: UploadOutcome; readonly isPending: boolean }
  | { readonly fileName: string; readonly error: AppError };

/** The status of an answer without waiting. */
export function chooseStatus({ outcome }: UploadOutcome): 200 | 201 | 202 {
  if (outcome === 'staged') return 202;
  return outcome === 'created' ? 201 : 200;
}

/** The facts that an answer in text has beside the outcome. */
export interface AnswerContext {
  /** The quiet time after which an index is rebuilt. */
  readonly quietMs: number;
  /** Without a slash at its end. */
  readonly publicUrl: string;
}

/** `OK - Accessible as <url> - <in which indexes>`; build jobs rely on the part before the second ` - `. */
export function outcomeLine(outcome: UploadOutcome, { quietMs }: Pick<AnswerContext, 'quietMs'>): string {
  const { batch, commitUrl, places } = outcome;
  if (batch !== undefined) {
    return `STAGED - In batch ${batch}, a POST publishes it: ${commitUrl ?? ''}\n${warningLines(outcome)}`;
  }
  return `OK - Accessible as ${places[0]?.url ?? ''} - ${indexText(places, quietMs)}\n${warningLines(outcome)}`;
}

/** `in the index of 9/aarch64, 9/x86_64 in about 30 s, ?wait=30 waits`, of every repository that the package went to. */
function indexText(places: readonly UploadPlace[], quietMs: number): string {
  const published = repositoriesIn(places, 'published');
  const waiting = repositoriesIn(places, 'waiting');
  const soon = quietMs === 0 ? 'in a moment' : `in about ${Math.ceil(quietMs / 1000)} s`;
  return [
    ...(published === '' ? [] : [`in the index of ${published}`]),
    ...(waiting === '' ? [] : [`in the index of ${waiting} ${soon}, ?wait=30 waits`]),
    ...places
      .filter(({ state }) => state === 'set-aside')
      .map(({ repository, reason }) => `kept out of the index of ${repository}: ${printable(reason ?? '')}`),
  ].join('; ');
}

function repositoriesIn(places: readonly UploadPlace[], state: UploadPlace['state']): string {
  return places
    .filter((place) => place.state === state)
    .map(({ repository }) => repository)
    .join(', ');
}

/** The answer when the time of a wait is over: the package is stored, and hosts cannot install it yet. */
export function waitingLine(outcome: UploadOutcome, { publicUrl }: Pick<AnswerContext, 'publicUrl'>): string {
  const { places, sha256 } = outcome;
  const waiting = repositoriesIn(places, 'waiting');
  return `WAITING - Not in the index of ${waiting} yet: ${places[0]?.url ?? ''}, ask ${publicUrl}/api/v1/uploads/${sha256}\n${warningLines(outcome)}`;
}

/** `WARNING - TEXT_NOT_XML: ...`, below the line of the package. */
function warningLines({ warnings = [] }: UploadOutcome): string {
  return warnings.map(({ code, text }) => `WARNING - ${code}: ${text}\n`).join('');
}

/** The results of a form upload as lines, one a file. */
export function resultLines(results: readonly FileResult[], context: AnswerContext): string {
  return results
    .map((result) => {
      if ('error' in result) return errorLine(result.error, result.fileName);
      return result.isPending ? waitingLine(result.outcome, context) : outcomeLine(result.outcome, context);
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
            status: result.isPending ? 202 : chooseStatus(result.outcome),
            ...result.outcome,
          }
        : { file: result.fileName, ...problemOf(result.error, requestId) },
    ),
  };
}
