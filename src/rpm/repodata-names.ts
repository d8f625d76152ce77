// The names of the files in a repository beside its packages, for the code that writes, serves and checks them.

/** The file that names the newest generation to clients; it lies beside `repodata/`. */
export const MIRRORLIST = 'mirrorlist';

const GENERATION = /^@[1-9][0-9]{0,14}$/;

/** In a URL; nginx/http.conf has the same. */
export const GENERATION_SEGMENT = '@[1-9][0-9]*';

/** The files of one publication beside the metadata that repomd.xml names; the last two only in a signed one. */
export const REPOMD_FILES = ['repomd.xml', 'repomd.xml.asc', 'repomd.xml.key'] as const;

/** repomd.xml, its signature and its key: replaced at each publication, unlike those of a generation. */
export const REPOMD_FILE = 'repomd\\.xml(?:\\.asc|\\.key)?';

// A sha1 has 40 digits and a sha512 128; nginx/http.conf has the same numbers.
const CHECKSUM_NAMED = /^[0-9a-f]{40,128}-/;

// The names that createrepo_c gives to metadata of packages under --simple-md-filenames.
const SIMPLY_NAMED =
  /^(?:primary|filelists|filelists[-_]ext|other)\.(?:xml|sqlite)(?:\.(?:gz|bz2|xz|lzma|zst|zck))?$/;

/** A generation's directory in `repodata/`, and its segment in the URL. */
export function generationName(generation: number): string {
  return `@${generation}`;
}

/** The number in a generation's name; undefined for any other name. */
export function generationNumber(name: string): number | undefined {
  return GENERATION.test(name) ? Number(name.slice(1)) : undefined;
}

/** True for metadata with its checksum in the name: it never changes, and may be former metadata. */
export function isChecksumNamed(name: string): boolean {
  return CHECKSUM_NAMED.test(name);
}

/** True for metadata of packages without its checksum in the name, which only another tool writes. */
export function isSimplyNamed(name: string): boolean {
  return SIMPLY_NAMED.test(name);
}
