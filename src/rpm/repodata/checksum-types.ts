/** The names that metadata uses. Source: createrepo_c, src/checksum.c, cr_checksum_type. */
const ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ['md5', 'md5'],
  ['sha', 'sha1'],
  ['sha1', 'sha1'],
  ['sha224', 'sha224'],
  ['sha256', 'sha256'],
  ['sha384', 'sha384'],
  ['sha512', 'sha512'],
]);

/** What OpenSSL calls the type of a checksum in metadata, in any case; undefined for one that no client knows. */
export function findAlgorithm(type: string): string | undefined {
  return ALGORITHMS.get(type.toLowerCase());
}
