import { errnoOf } from '../../errors.ts';

/** What a call of the file system answers; undefined when there is nothing of that name. */
export async function ifThere<Answer>(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
