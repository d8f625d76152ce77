import { lacks } from './lacks.ts';

/**
 * True in `npm run test:long`, which does in full what `npm test` samples: kill points, rounds of chance, sizes, times. .ci/run
 * finds the files with something to sample by their import of this one.
 */
export const isLongRun = !lacks('a long run');
