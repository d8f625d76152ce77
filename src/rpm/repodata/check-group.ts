import { SaxesParser, type SaxesTagNS } from 'saxes';
import { closingTag, openingTag, type PackageMetadataType } from './metadata-envelope.ts';

/** What identifies a package in primary, filelists or other. */
export interface CheckedPackage {
  /** The package file's digest. */
  readonly pkgid: string;
  /** Only primary has it: path below the repository's directory. */
  readonly location: string | undefined;
  /** Its boolean dependencies, of all kinds; only primary has them. */
  readonly expressions: readonly string[];
}

/**
 * libxml2 refuses a longer text or tag, and with it the whole file: XML_MAX_TEXT_LENGTH and XML_MAX_LOOKUP_LIMIT in its
 * parserInternals.h. It counts bytes, of a text those that are read, of a tag those that are written.
 */
const MAX_TEXT_BYTES = 10_000_000;

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
  const mayHoldLongText = mayBeTooLong(groupXml);
  if (mayHoldLongText && hasLongTag(groupXml))
    throw new Error(`${type}: a tag of more than 10,000,000 bytes`);
  const reader = new GroupReader(type, mayHoldLongText);
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => reader.refuse(error.message));
  parser.on('opentag', (tag) => reader.open(tag));
  parser.on('text', (text) => reader.text(text));
  parser.on('closetag', () => reader.close());
  parser.write(openingTag(type, 0)).write(groupXml).write(closingTag(type)).close();
  return reader.packages;
}

class GroupReader {
  readonly packages: CheckedPackage[] = [];
  readonly #type: PackageMetadataType;
  readonly #mayHoldLongText: boolean;
  #depth = 0;
  #current: FoundPackage = {};
  #expressions: string[] = [];

  constructor(type: PackageMetadataType, mayHoldLongText: boolean) {
    this.#type = type;
    this.#mayHoldLongText = mayHoldLongText;
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

  text(text: string): void {
    if (this.#mayHoldLongText && isTooLong(text)) this.refuse('a text of more than 10,000,000 bytes');
    if (this.#depth < PACKAGE_DEPTH && text.trim() !== '') this.refuse('text between the packages');
    if (this.#depth === PACKAGE_DEPTH + 1 && this.#current.isInChecksum === true) this.#current.pkgid = text;
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

interface FoundPackage {
  pkgid?: string | undefined;
  location?: string | undefined;
  isInChecksum?: boolean;
}

function completePackage(
  type: PackageMetadataType,
  { pkgid, location }: FoundPackage,
): Omit<CheckedPackage, 'expressions'> | undefined {
  if (pkgid === undefined || !/^[0-9a-f]+$/.test(pkgid)) return undefined;
  if (type !== 'primary') return { pkgid, location: undefined };
  return location === undefined || location === '' ? undefined : { pkgid, location };
}

function hasLongTag(xml: string): boolean {
  for (let start = xml.indexOf('<'); start !== -1; ) {
    const end = xml.indexOf('>', start);
    if (end === -1) return isTooLong(xml.slice(start));
    if (end - start > MAX_TEXT_BYTES / MAX_BYTES_PER_CHARACTER && isTooLong(xml.slice(start, end)))
      return true;
    start = xml.indexOf('<', end);
  }
  return false;
}

function isTooLong(text: string): boolean {
  return mayBeTooLong(text) && Buffer.byteLength(text) > MAX_TEXT_BYTES;
}

function mayBeTooLong(text: string): boolean {
  return text.length * MAX_BYTES_PER_CHARACTER > MAX_TEXT_BYTES;
}
