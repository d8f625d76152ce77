import { isUtf8 } from 'node:buffer';
import { wrongMetadata } from '../../wrong-metadata.ts';
import { checkGroup } from '../../../rpm/repodata/check-group.ts';
import { PACKAGE_METADATA_TYPES, type PackageMetadataType } from '../../../rpm/repodata/metadata-envelope.ts';
import { findExpressionProblem } from '../../../rpm/rpm-parser/dependency-defect.ts';
import { describePackage } from './describe-package.ts';
import type { LeftOut } from '../../index-engine.ts';
import { type IndexedPackage, type PackageGroup, type PerType, perType } from './package-group.ts';
import type { NewPackage, Piece } from './plan-groups.ts';
import { createKeptTextReader } from '../../metadata/read-kept-text.ts';

// A text cannot hold them: `<` stands for itself nowhere else.
const ELEMENT_START = '<package ';
const ELEMENT_END = '</package>\n';

/** A package and its text in each file. */
export interface PackageText {
  readonly indexed: IndexedPackage;
  readonly texts: PerType<Buffer>;
  /**
   * Undefined for a package that was described just now; otherwise, how to describe it anew when its text is not sound.
   */
  readonly again: NewPackage | undefined;
  /** True when the strict parser took the text before it was first published, and it is that text. */
  readonly wasChecked: boolean;
}

/** Makes and checks the texts of packages, and notes those that have none. */
export class PackageTexts {
  readonly leftOut: LeftOut[] = [];
  /** Those whose bytes are not the acknowledged ones. */
  readonly damaged: LeftOut[] = [];
  /** Locations of packages whose file was removed meanwhile. */
  readonly gone: string[] = [];
  readonly #repositoryDir: string;
  readonly #kept = createKeptTextReader();

  constructor(repositoryDir: string) {
    this.#repositoryDir = repositoryDir;
  }

  close(): void {
    this.#kept.close();
  }

  /** Undefined for a new package that is left out or gone. @throws AppError INDEX_FAILED, INDEX_DAMAGED. */
  of(piece: Piece): PackageText | undefined {
    if ('group' in piece) return this.#keep(piece.group, piece.index);
    const { published, ...again } = piece.package;
    return published === undefined ? this.#describe(again) : this.#keep(published, 0, again);
  }

  /** The part as it is when a strict parser takes it, which is nearly always; else without the packages at fault. */
  sound(part: readonly PackageText[]): readonly PackageText[] {
    // What is well-formed alone is so beside others. A group has sixty packages, of which one is new after an upload.
    const isKeptSound = part.every(({ again, wasChecked }) => again === undefined || wasChecked);
    const unread = isKeptSound ? part.filter(({ again }) => again === undefined) : part;
    if (findTextFault(unread) === undefined) return part;
    const sound = part.map((text) => this.#soundText(text)).filter((text) => text !== undefined);
    const fault = findTextFault(sound);
    if (fault === undefined) return sound;
    throw wrongMetadata(`packages that are sound alone are not together: ${fault}`);
  }

  #keep(group: PackageGroup, index: number, described?: NewPackage): PackageText | undefined {
    const indexed = group.packages[index];
    if (indexed === undefined) return undefined;
    const again = described ?? { location: indexed.location, sha256: undefined };
    const texts = this.#kept.read(group, index);
    return { indexed, texts, again, wasChecked: isOfOurs(group) && isWholeElement(texts, indexed) };
  }

  #soundText(text: PackageText): PackageText | undefined {
    if (findTextFault([text]) === undefined) return text;
    const { location } = text.indexed;
    // The text of another program may be at fault, and not the package.
    const again = text.again === undefined ? text : this.#describe(text.again);
    const fault = again && findTextFault([again]);
    if (again === undefined || fault === undefined) return again;
    const reason = `its metadata would break the index: ${fault}`;
    this.leftOut.push({ location, identity: again.indexed.identity, reason });
    return undefined;
  }

  #describe(newPackage: NewPackage): PackageText | undefined {
    const { location } = newPackage;
    const description = describePackage(this.#repositoryDir, newPackage);
    if (description.outcome === 'gone') {
      this.gone.push(location);
      return undefined;
    }
    const { identity } = description;
    if (description.outcome !== 'described') {
      const list = description.outcome === 'damaged' ? this.damaged : this.leftOut;
      list.push({ location, identity, reason: description.reason });
      return undefined;
    }
    const { pkgid, xml } = description;
    const texts = perType((type) => Buffer.from(xml[type]));
    const textBytes = perType((type) => texts[type].length);
    return { indexed: { location, pkgid, identity, textBytes }, texts, again: undefined, wasChecked: false };
  }
}

/** The text of packages one after the other. */
export function joinedText(part: readonly PackageText[], type: PackageMetadataType): Buffer {
  const [only, ...others] = part;
  // A package with as much text as hundreds is alone in its group.
  if (only !== undefined && others.length === 0) return only.texts[type];
  return Buffer.concat(part.map(({ texts }) => texts[type]));
}

/** Groups that this engine wrote are compressed; what it takes over from another writer is not. */
function isOfOurs({ segments }: PackageGroup): boolean {
  return PACKAGE_METADATA_TYPES.every((type) => segments[type].format !== 'plain');
}

/**
 * Whether each text is one element, of this package. The bytes of the group are those that were written, but its state could
 * say wrongly where in them a package begins.
 */
function isWholeElement(texts: PerType<Buffer>, { pkgid }: IndexedPackage): boolean {
  return PACKAGE_METADATA_TYPES.every((type) => {
    const text = texts[type];
    return (
      text.indexOf(ELEMENT_START) === 0 &&
      text.indexOf(ELEMENT_END) === text.length - ELEMENT_END.length &&
      text.includes(type === 'primary' ? `pkgid="YES">${pkgid}<` : ` pkgid="${pkgid}"`)
    );
  });
}

/** What the strict parser has against the packages; undefined when it reads exactly them. */
function findTextFault(part: readonly PackageText[]): string | undefined {
  try {
    for (const type of PACKAGE_METADATA_TYPES) {
      const text = joinedText(part, type);
      // Decoding would put U+FFFD in place of the bytes that a reader refuses.
      if (!isUtf8(text)) return `${type} would hold bytes that are no UTF-8`;
      const found = checkGroup(type, text.toString());
      const isComplete =
        found.length === part.length &&
        part.every(({ indexed }, index) => {
          const { pkgid, location } = found[index] ?? {};
          return pkgid === indexed.pkgid && (type !== 'primary' || location === indexed.location);
        });
      if (!isComplete) return `${type} would describe other packages than it should`;
      // A package that is described anew is left out with its reason; this finds texts that another writer, or an older
      // version, let in.
      const expressions = found.flatMap((one) => one.expressions);
      if (expressions.some(isUnreadable)) return `${type} would hold a dependency that ends dnf and zypper`;
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isUnreadable(expression: string): boolean {
  return findExpressionProblem(expression) !== undefined;
}
