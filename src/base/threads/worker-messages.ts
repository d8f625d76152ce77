import { AppError } from '../../errors.ts';

/** A message from a worker thread about its job. */
export type WorkerMessage<Answer, Progress> =
  | { readonly progress: Progress }
  | { readonly answer: Answer }
  | { readonly failure: Failure };

/** An error on its way between threads, where it loses its class and its fields (`code`, `syscall`, ...). */
export interface Failure {
  readonly error: unknown;
  readonly fields: object;
  readonly appError?: Pick<AppError, 'code' | 'message' | 'hint' | 'details'>;
}

export function toFailure(error: unknown): Failure {
  if (error instanceof AppError) {
    const { code, message, hint, details, cause } = error;
    return { error: cause, fields: {}, appError: { code, message, hint, details } };
  }
  return { error, fields: Object.fromEntries(Object.entries(Object(error))) };
}

export function fromFailure({ error, fields, appError }: Failure): unknown {
  if (appError !== undefined) {
    const { code, message, hint, details } = appError;
    return new AppError(code, message, { hint, details, cause: error });
  }
  return error instanceof Error ? Object.assign(error, fields) : error;
}
