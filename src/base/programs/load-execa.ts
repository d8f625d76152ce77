import type * as Execa from 'execa';

/**
 * Gives execa, loaded when the first program is run: it is a tenth of the code that a start would load, and many services
 * run no program.
 */
export function loadExeca(): Promise<typeof Execa> {
  return import('execa');
}
