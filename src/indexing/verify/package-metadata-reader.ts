import { SaxesParser, type SaxesTagPlain } from 'saxes';
import type { PackageMetadataType } from '../../rpm/repodata/metadata-envelope.ts';
import type { Checksum } from './file-checksum.ts';
import { MAX_TEXT_BYTES } from '../../rpm/repodata/libxml2-limit.ts';
import { TextLimit } from '../../rpm/repodata/text-limit.ts';
import { type Nevra, toNevraKey } from '../../rpm/nevra.ts';

/** A package as primary describes it. */
export interface PrimaryPackage {
  readonly location: string;
  readonly pkgid: Checksum;
  /** Of the package file; undefined when primary does not say. */
  readonly sizeBytes: number | undefined;
  /** See toNevraKey(). */
  readonly nevraKey: string;
  /** Where hosts load it from, when that is not the repository. */
  readonly base: string | undefined;
}

/** A package as one of the three files describes it: only primary has more than its pkgid. */
export interface DescribedEntry {
  readonly pkgid: string;
  readonly primary: PrimaryPackage | undefined;
}

const NO_EVR = { epoch: undefined, version: '', release: '' };

const ROOTS: Readonly<Record<PackageMetadataType, string>> = {
  primary: 'metadata',
  filelists: 'filelists',
  other: 'otherdata',
};

const ROOT_DEPTH = 1;
const PACKAGE_DEPTH = 2;
const FIELD_DEPTH = 3;

interface OpenPackage {
  pkgid: string | undefined;
  checksumType: string;
  location: string | undefined;
  base: string | undefined;
  sizeBytes: number | undefined;
  name: string;
  arch: string;
  evr: Pick<Nevra, 'epoch' | 'version' | 'release'>;
}

/** The elements whose text is collected; that of every one would take a third of the time. */
type TextField = 'name' | 'arch' | 'pkgid';

/**
 * Reads primary, filelists or other as strictly as the strictest client, while it arrives in pieces of a megabyte at
 * most. After a fault it reads no further.
 * Source of the elements: createrepo_c, src/xml_dump_primary.c, xml_dump_filelists.c, xml_dump_other.c.
 */
export class PackageMetadataReader {
  readonly #type: PackageMetadataType;
  readonly #onPackage: (found: DescribedEntry) => void;
  readonly #parser = new SaxesParser();
  readonly #textLimit = new TextLimit();
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #depth = 0;
  #package: OpenPackage | undefined;
  /** The text of the element that is being collected. */
  #text: string | undefined;
  #textField: TextField = 'pkgid';
  #packageCount = 0;
  #statedCount: number | undefined;
  #fault: string | undefined;

  constructor(type: PackageMetadataType, onPackage: (found: DescribedEntry) => void) {
    this.#type = type;
    this.#onPackage = onPackage;
    this.#parser.on('error', (error) => {
      throw error;
    });
    this.#parser.on('opentag', (tag) => this.#open(tag));
    this.#parser.on('closetag', () => this.#close());
  }

  /** What keeps clients from reading the file; undefined when nothing does. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** How many packages came. */
  get packageCount(): number {
    return this.#packageCount;
  }

  /** What the opening tag says; undefined when it does not. */
  get statedCount(): number | undefined {
    return this.#statedCount;
  }

  push(piece: Uint8Array): void {
    this.#unlessFaulty(() => {
      const long = this.#textLimit.findLong(piece);
      if (long !== undefined) throw new Error(`a ${long} is longer than ${MAX_TEXT_BYTES} bytes`);
      this.#parser.write(this.#decoder.decode(piece, { stream: true }));
    });
  }

  end(): void {
    this.#unlessFaulty(() => {
      this.#decoder.decode();
      this.#parser.close();
    });
  }

  #unlessFaulty(read: () => void): void {
    if (this.#fault !== undefined) return;
    try {
      read();
    } catch (error) {
      this.#fault = error instanceof Error ? error.message : String(error);
    }
  }

  #open({ name, attributes }: SaxesTagPlain): void {
    this.#depth += 1;
    if (this.#depth === ROOT_DEPTH) this.#openRoot(name, attributes['packages']);
    if (this.#depth === PACKAGE_DEPTH && name === 'package') {
      this.#package = {
        pkgid: attributes['pkgid'],
        checksumType: '',
        location: undefined,
        base: undefined,
        sizeBytes: undefined,
        name: '',
        arch: '',
        evr: NO_EVR,
      };
    }
    if (this.#depth === FIELD_DEPTH && this.#package !== undefined && this.#type === 'primary') {
      this.#openField(this.#package, name, attributes);
    }
  }

  #openRoot(name: string, packages: string | undefined): void {
    const root = ROOTS[this.#type];
    if (name !== root) throw new Error(`its root is <${name}>, expected <${root}>`);
    this.#statedCount = packages === undefined ? undefined : Number(packages);
  }

  #openField(open: OpenPackage, name: string, attributes: Readonly<Record<string, string>>): void {
    if (name === 'location') {
      open.location = attributes['href'];
      open.base = attributes['xml:base'];
    }
    if (name === 'version') {
      const { epoch, ver = '', rel = '' } = attributes;
      open.evr = { epoch: toNumber(epoch), version: ver, release: rel };
    }
    if (name === 'name' || name === 'arch') this.#collectText(name);
    if (name === 'size') open.sizeBytes = toNumber(attributes['package']);
    if (name !== 'checksum' || attributes['pkgid'] !== 'YES') return;
    open.checksumType = attributes['type'] ?? '';
    this.#collectText('pkgid');
  }

  #collectText(field: TextField): void {
    this.#textField = field;
    this.#text = '';
    this.#parser.on('text', (piece) => {
      this.#text = `${this.#text ?? ''}${piece}`;
    });
  }

  #close(): void {
    if (this.#depth === FIELD_DEPTH && this.#text !== undefined && this.#package !== undefined) {
      this.#package[this.#textField] = this.#text.trim();
      this.#text = undefined;
      this.#parser.off('text');
    }
    if (this.#depth === PACKAGE_DEPTH && this.#package !== undefined) {
      this.#packageCount += 1;
      this.#onPackage(this.#complete(this.#package));
      this.#package = undefined;
    }
    this.#depth -= 1;
  }

  #complete(open: OpenPackage): DescribedEntry {
    const { pkgid, checksumType, location, base, sizeBytes } = open;
    if (pkgid === undefined) throw new Error(`package ${this.#packageCount} lacks its pkgid`);
    const hex = detached(pkgid);
    if (this.#type !== 'primary') return { pkgid: hex, primary: undefined };
    if (location === undefined) throw new Error(`package ${this.#packageCount} lacks its location`);
    const nevraKey = detached(toNevraKey({ name: open.name, ...open.evr, arch: open.arch }));
    const fileFacts = { location: detached(location), base: base && detached(base), sizeBytes };
    return { pkgid: hex, primary: { ...fileFacts, nevraKey, pkgid: { type: checksumType, hex } } };
  }
}

/** A copy: a substring would keep the whole piece of text in memory that it was cut from. */
function detached(text: string): string {
  return Buffer.from(text).toString();
}

function toNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
