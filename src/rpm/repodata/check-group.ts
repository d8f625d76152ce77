import { SaxesParser, type SaxesTagNS } from 'saxes';
import { MAX_TEXT_BYTES } from './libxml2-limit.ts';
import { closingTag, openingTag, type PackageMetadataType } from './metadata-envelope.ts';
import { findLongPart } from './text-limit.ts';

/** What identifies a package in primary, filelists or other. */
export interface CheckedPackage {
  /** The package file's digest. */
  readonly pkgid: string;
  /** Only primary has it: path below the repository's directory. */
  readonly location: string | undefined;
  /** Its boolean dependencies, of all kinds; only primary has them. */
  readonly expressions: readonly string[];
}

/** A character of a JavaScript string takes at most this many bytes in UTF-8. */
const MAX_BYTES_PER_CHARACTER = 3;

/** No known writer goes beyond five; the namespaces of each open element are searched for every other one. */
const MAX_DEPTH = 32;

/** Below the root element. */
const PACKAGE_DEPTH = 2;

/**
 * Reads a group of packages, as it is about to be published, with a parser that knows nothing of how it was written.
 * @param groupXml package elements without the root element around them
 * @returns what identifies each package, in order
 * @throws Error saying what is wrong: not well-formed, something else than packages at the top, a package without its pkgid
 *   or location, a text that libxml2 finds too long
 */
export function checkGroup(type: PackageMetadataType, groupXml: string): readonly CheckedPackage[] {
  if (!groupXml.isWellFormed()) throw new Error(`${type}: a character is half a surrogate pair`);
  // Anywhere else `<` would be ill-formed. saxes has events for these, but above four handlers it takes seven times as long.
  if (/<[!?]/.test(groupXml)) {
    throw new Error(`${type}: a comment, CDATA section, document type or instruction`);
  }
  const isLong = mayBeTooLong(groupXml);
  const tooLong = isLong ? findLongPart(Buffer.from(groupXml)) : undefined;
  if (tooLong !== undefined) throw new Error(`${type}: a ${tooLong} of more than 10,000,000 bytes`);
  const reader = new GroupReader(type);
  const parser = new SaxesParser({ xmlns: true });
  const readText = (text: string): void => reader.text(text);
  // saxes gathers what it gives to a handler, and each reference in it takes 40 bytes then: millions of them take 400 MB.
  const gatherWhatIsRead = (): void => {
    if (!isLong) return;
    if (reader.readsText()) parser.on('text', readText);
    else parser.off('text');
  };
  parser.on('error', (error) => reader.refuse(error.message));
  parser.on('opentag', (tag) => {
    reader.open(tag);
    gatherWhatIsRead();
  });
  parser.on('text', readText);
  parser.on('closetag', () => {
    reader.close();
    gatherWhatIsRead();
  });
  parser.write(openingTag(type, 0)).write(groupXml).write(closingTag(type)).close();
  return reader.packages;
}

class GroupReader {
  readonly packages: CheckedPackage[] = [];
  readonly #type: PackageMetadataType;
  #depth = 0;
  #current: PackageSoFar = {};
  #expressions: string[] = [];

  constructor(type: PackageMetadataType) {
    this.#type = type;
  }

  open({ name, attributes }: SaxesTagNS): void {
    this.#depth++;
    if (this.#depth > MAX_DEPTH) this.refuse('elements nested too deep');
    const named = attributes['name']?.value;
    if (this.#type === 'primary' && named?.startsWith('(') === true) this.#expressions.push(named);
    if (this.#depth === PACKAGE_DEPTH) {
      if (name !== 'package') this.refuse(`<${name}> where only packages may stand`);
      this.#current = { pkgid: attributes['pkgid']?.value };
    } else if (this.#depth === PACKAGE_DEPTH + 1) {
      if (name === 'location') this.#current.location = attributes['href']?.value;
      this.#current.isInChecksum = name === 'checksum';
    }
  }

  /** Whether text at this place has a meaning here. */
  readsText(): boolean {
    return this.#depth < PACKAGE_DEPTH || this.#isInChecksum();
  }

  text(text: string): void {
    if (this.#depth < PACKAGE_DEPTH && text.trim() !== '') this.refuse('text between the packages');
    if (this.#isInChecksum()) this.#current.pkgid = text;
  }

  #isInChecksum(): boolean {
    return this.#depth === PACKAGE_DEPTH + 1 && this.#current.isInChecksum === true;
  }

  close(): void {
    if (this.#depth === PACKAGE_DEPTH) {
      const identity =
        completePackage(this.#type, this.#current) ?? this.refuse('a package without identity');
      this.packages.push({ ...identity, expressions: this.#expressions });
      this.#expressions = [];
    }
    this.#depth--;
  }

  refuse(what: string): never {
    throw new Error(`${this.#type}, after ${this.packages.length} packages: ${what}`);
  }
}

interface PackageSoFar {
  pkgid?: string | undefined;
  location?: string | undefined;
  isInChecksum?: boolean;
}

function completePackage(
  type: PackageMetadataType,
  { pkgid, location }: PackageSoFar,
): Omit<CheckedPackage, 'expressions'> | undefined {
  if (pkgid === undefined || !/^[0-9a-f]+$/.test(pkgid)) return undefined;
  if (type !== 'primary') return { pkgid, location: undefined };
  return location === undefined || location === '' ? undefined : { pkgid, location };
}

function mayBeTooLong(text: string): boolean {
  return text.length * MAX_BYTES_PER_CHARACTER > MAX_TEXT_BYTES;
}
