import { AppError } from '../../errors.ts';
import { explainDependencyDefect } from '../../rpm/rpm-parser/dependency-defect.ts';
import { findDefect, type PackageDefect, type RuledPackage } from '../../rpm/package-rules.ts';
import type { DependencyDefect, TextDefect } from '../../rpm/rpm-parser/rpm-package.ts';
import { archUnknown, osForeign } from './foreign-platform.ts';
import { MAX_TEXT_BYTES } from '../../rpm/rpm-parser/text-length.ts';

export const TEXT_TOO_LONG_HINT = `One text may have ${MAX_TEXT_BYTES} bytes in the metadata; put a long one into a file of the package, and build again.`;

/**
 * The rules a readable package must keep before it may enter a repository: findDefect() has them.
 * @throws AppError RPM_PAYLOAD_UNSUPPORTED (a delta package), ARCH_UNKNOWN, OS_FOREIGN, TEXT_NOT_XML or TEXT_TOO_LONG with the tag,
 *   DEPENDENCY_INVALID, RPM_MALFORMED for what rpm reads and cannot install.
 */
export function checkAcceptance(rpm: RuledPackage): void {
  const defect = findDefect(rpm);
  if (defect !== undefined) throw refuse(defect);
}

function refuse(defect: PackageDefect): AppError {
  if (defect.kind === 'payload-format') return payloadUnsupported(defect.payloadFormat);
  if (defect.kind === 'os') return osForeign(defect.os);
  if (defect.kind === 'arch') return archUnknown(defect.arch);
  if (defect.kind === 'text') return textRefused(defect.text);
  if (defect.kind === 'dependency') return dependencyInvalid(defect.dependency);
  return notInstallable(defect.reason);
}

function payloadUnsupported(payloadFormat: string): AppError {
  return new AppError(
    'RPM_PAYLOAD_UNSUPPORTED',
    `the payload format is "${payloadFormat}", expected "cpio"`,
    {
      hint: 'Send the full package; delta packages (drpm) are not kept in repositories.',
    },
  );
}

/** The refusal of a text that no index can hold, or that hosts compare. */
export function textRefused({ tag, index, defect }: TextDefect): AppError {
  const details = { tag, index, defect };
  const where = `${tag} (entry ${index})`;
  if (defect === 'too-long') {
    const message = `${where} holds more text than readers of a repository take`;
    return new AppError('TEXT_TOO_LONG', message, { hint: TEXT_TOO_LONG_HINT, details });
  }
  return new AppError('TEXT_NOT_XML', `${where} holds ${describeDefect(defect)}`, {
    hint: 'Repository metadata is XML and cannot hold it; correct the spec file and build again.',
    details,
  });
}

function dependencyInvalid(defect: DependencyDefect): AppError {
  const { tag, index, problem } = defect;
  return new AppError('DEPENDENCY_INVALID', explainDependencyDefect(defect), {
    hint: 'dnf and zypper would crash on the whole repository; write it flatter, or as several dependencies, and build again.',
    details: { tag, index, problem },
  });
}

function notInstallable(defect: string): AppError {
  return new AppError('RPM_MALFORMED', `no host can install the package: ${defect}`, {
    hint: 'The program that built the package wrote it so, and rpm refuses it at the installation: use a newer release of it, or rpmbuild.',
  });
}

/** What a text holds that XML cannot. */
export function describeDefect(defect: Exclude<TextDefect['defect'], 'too-long'>): string {
  return DEFECT_NAMES[defect];
}

const DEFECT_NAMES: Readonly<Record<Exclude<TextDefect['defect'], 'too-long'>, string>> = {
  'latin-1': 'bytes that are not UTF-8',
  'ill-formed': 'an ill-formed UTF-8 sequence',
  control: 'a control character',
  noncharacter: 'the noncharacter U+FFFE or U+FFFF',
};
