import { AppError } from '../../src/errors.ts';

/** The AppError that a function throws; fails when it throws something else, or nothing. */
export function appErrorOf(run: () => unknown): AppError {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('expected an AppError, nothing was thrown');
}
