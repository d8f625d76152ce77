import type { Publication } from '../../src/storage/publications.ts';

/** A publication that is not signed, of a repository whose URL does not matter. */
export const UNSIGNED: Publication = {
  url: 'http://repo.example.com/repo/9/x86_64/',
  signer: undefined,
  now: () => Date.UTC(2026, 0, 1),
};
