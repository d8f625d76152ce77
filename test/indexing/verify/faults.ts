import { appendFile, chmod, link, readFile, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { identityAt } from '../../../src/base/files/file-identity.ts';
import { Tag } from '../../../src/rpm/rpm-parser/tag.ts';
import type { ViolationCode } from '../../../src/indexing/violation.ts';
import { craftRpm, dropTags } from '../../support/craft-rpm.ts';
import { PACKAGE_METADATA, REPOSITORY, sha256, sizeOf, type VerifySite } from './verify-site.ts';

/** A fault that is planted into a sound repository, and the only thing that verify then says. */
export interface Fault {
  readonly title: string;
  readonly code: ViolationCode;
  readonly plant: (site: VerifySite) => Promise<void>;
  /** Left out: found without reading packages. */
  readonly readData?: true;
}

const ALPHA = 'Packages/alpha-1.0-1.el9.x86_64.rpm';
const PACKAGE_ELEMENT = /<package .*?<\/package>\n?/s;

export const FAULTS: readonly Fault[] = [
  {
    title: 'a repository without an index',
    code: 'METADATA_MISSING',
    plant: (site) => rm(site.path('repodata'), { recursive: true }),
  },
  {
    title: 'a file that repomd.xml names and that is gone',
    code: 'METADATA_MISSING',
    plant: async (site) => rm(site.path((await site.data('primary')).href)),
  },
  {
    title: 'a link in the place of a metadata file, which is not served',
    code: 'METADATA_MISSING',
    plant: async (site) => {
      const { href } = await site.data('other');
      await link(site.path(href), site.path(`${href}.former`));
      await rm(site.path(href));
      await symlink(`${site.path(href)}.former`, site.path(href));
    },
  },
  {
    title: 'a repomd.xml without filelists',
    code: 'METADATA_MISSING',
    plant: async (site) => {
      const { xml } = await site.data('filelists');
      await site.editRepomd((repomd) => repomd.replace(xml, ''));
    },
  },
  {
    title: 'a metadata file outside of the repository',
    code: 'METADATA_MISSING',
    plant: async (site) => {
      const { href } = await site.data('other');
      await site.editRepomd((repomd) => repomd.replace(href, `../x86_64/${href}`));
    },
  },
  {
    title: 'a metadata file that was cut before repomd.xml was written',
    code: 'METADATA_UNREADABLE',
    plant: async (site) => {
      const bytes = await readFile(site.path((await site.data('other')).href));
      await site.replaceMetadata('other', bytes.subarray(0, -20), gunzipSync(bytes));
    },
  },
  {
    title: 'a checksum of an unknown type',
    code: 'METADATA_UNREADABLE',
    plant: async (site) => {
      const { xml } = await site.data('other');
      const edited = xml.replace('<checksum type="sha256"', '<checksum type="crc32"');
      await site.editRepomd((repomd) => repomd.replace(xml, edited));
    },
  },
  {
    title: 'a repomd.xml that is no XML',
    code: 'METADATA_NOT_XML',
    plant: (site) => site.write('repodata/repomd.xml', '<repomd><revision>1</revision>'),
  },
  {
    title: 'a control character in a summary',
    code: 'METADATA_NOT_XML',
    plant: (site) => site.editMetadata('primary', (xml) => xml.replace('An example', 'An \u0001 example')),
  },
  {
    title: 'bytes that are no UTF-8',
    code: 'METADATA_NOT_XML',
    plant: (site) =>
      site.editMetadata('primary', (xml) => Buffer.from(xml.replace('An example', 'An \u00e9'), 'latin1')),
  },
  {
    title: 'a tag that is not closed',
    code: 'METADATA_NOT_XML',
    plant: (site) => site.editMetadata('other', (xml) => xml.replace('</otherdata>', '')),
  },
  {
    title: 'a text longer than libxml2 reads',
    code: 'METADATA_NOT_XML',
    plant: (site) => site.editMetadata('primary', (xml) => xml.replace('An example', 'x'.repeat(10_000_001))),
  },
  {
    title: 'filelists in the place of primary',
    code: 'METADATA_NOT_XML',
    plant: async (site) => {
      const bytes = await readFile(site.path((await site.data('filelists')).href));
      await site.replaceMetadata('primary', bytes, gunzipSync(bytes));
    },
  },
  {
    title: 'a package without a location',
    code: 'METADATA_NOT_XML',
    plant: (site) => site.editMetadata('primary', (xml) => xml.replace(/<location [^>]*>/, '')),
  },
  {
    title: 'a metadata file with another byte',
    code: 'METADATA_CHECKSUM_WRONG',
    plant: async (site) => site.damage((await site.data('primary')).href),
  },
  {
    title: 'a metadata file with one byte more',
    code: 'SIZE_WRONG',
    plant: async (site) => appendFile(site.path((await site.data('filelists')).href), '\n'),
  },
  {
    title: 'a wrong open-checksum, which no client checks',
    code: 'OPEN_CHECKSUM_WRONG',
    plant: (site) =>
      site.editRepomd((xml) => xml.replace(/(<open-checksum type="sha256">)[0-9a-f]{64}/, `$1${sha256('')}`)),
  },
  {
    title: 'a wrong open-size, which no client checks',
    code: 'OPEN_SIZE_WRONG',
    plant: (site) => site.editRepomd((xml) => xml.replace(/<open-size>\d+/, '<open-size>1')),
  },
  {
    title: 'a wrong count in an opening tag',
    code: 'PACKAGE_COUNT_WRONG',
    plant: (site) => site.editMetadata('other', (xml) => xml.replace('packages="3"', 'packages="4"')),
  },
  {
    title: 'an other.xml that lacks a package',
    code: 'METADATA_DISAGREE',
    plant: (site) =>
      site.editMetadata('other', (xml) =>
        xml.replace('packages="3"', 'packages="2"').replace(PACKAGE_ELEMENT, ''),
      ),
  },
  {
    title: 'a filelists.xml with a package that primary lacks',
    code: 'METADATA_DISAGREE',
    plant: (site) =>
      site.editMetadata('filelists', (xml) => xml.replace(/pkgid="[0-9a-f]+"/, `pkgid="${sha256('')}"`)),
  },
  {
    title: 'a package that is described twice',
    code: 'LOCATION_TWICE',
    plant: async (site) => {
      for (const type of PACKAGE_METADATA) {
        await site.editMetadata(type, (xml) =>
          xml.replace('packages="3"', 'packages="4"').replace(PACKAGE_ELEMENT, '$&$&'),
        );
      }
    },
  },
  {
    title: 'an updateinfo that is not the one in repomd.xml',
    code: 'FOREIGN_METADATA_WRONG',
    plant: async (site) => {
      await addUpdateinfo(site);
      await site.damage('repodata/updateinfo.xml');
    },
  },
  {
    title: 'an updateinfo that is gone',
    code: 'FOREIGN_METADATA_WRONG',
    plant: async (site) => {
      await addUpdateinfo(site);
      await rm(site.path('repodata/updateinfo.xml'));
    },
  },
  {
    title: 'a generation whose files are gone',
    code: 'GENERATION_WRONG',
    plant: async (site) => {
      const repomd = await readFile(site.path('repodata/repomd.xml'), 'utf8');
      await site.write('repodata/@1/repomd.xml', repomd.replaceAll(/[0-9a-f]{64}-primary/g, 'gone-primary'));
    },
  },
  {
    title: 'a generation without a repomd.xml',
    code: 'GENERATION_WRONG',
    plant: (site) => site.write('repodata/@1/repomd.xml', '<repomd>'),
  },
  {
    title: 'a former generation whose files are gone, which no index run mends',
    code: 'FORMER_GENERATION_WRONG',
    plant: async (site) => {
      const repomd = await readFile(site.path('repodata/repomd.xml'), 'utf8');
      await site.write('repodata/@1/repomd.xml', repomd.replaceAll(/[0-9a-f]{64}-primary/g, 'gone-primary'));
      await site.write('repodata/@2/repomd.xml', repomd);
    },
  },
  {
    title: 'a mirrorlist that leads nowhere',
    code: 'GENERATION_WRONG',
    plant: (site) => site.write('mirrorlist', 'http://repo.example.com/repo/9/x86_64/@7/\n'),
  },
  {
    title: 'a missing signature',
    code: 'SIGNATURE_WRONG',
    plant: async (site) => {
      site.findSigningKey = async () => undefined;
    },
  },
  {
    title: 'a signature that no configured key made',
    code: 'SIGNATURE_WRONG',
    plant: async (site) => {
      await site.write('repodata/repomd.xml.asc', 'bad');
      await site.write('repodata/repomd.xml.key', 'key');
      site.findSigningKey = async (_content, signature) => (signature === 'good' ? 'KEY' : undefined);
    },
  },
  {
    title: 'a signature by a key that is away',
    code: 'SIGNATURE_UNCHECKED',
    plant: async (site) => {
      await site.write('repodata/repomd.xml.asc', 'good');
      site.findSigningKey = async () => undefined;
      site.missingKeys = ['KEY'];
    },
  },
  {
    title: 'one NEVRA at two locations',
    code: 'NEVRA_TWICE',
    plant: async (site) => {
      await site.write('Packages/again.rpm', await readFile(site.path(ALPHA)));
      await site.index();
    },
  },
  {
    title: 'a generation that is not signed',
    code: 'SIGNATURE_WRONG',
    plant: async (site) => {
      await site.write('repodata/repomd.xml.asc', 'good');
      await site.write('repodata/repomd.xml.key', 'key');
      await site.write('repodata/@1/repomd.xml', await readFile(site.path('repodata/repomd.xml'), 'utf8'));
      site.findSigningKey = async (_content, signature) => (signature === 'good' ? 'KEY' : undefined);
    },
  },
  {
    title: 'a signature without the public key beside it',
    code: 'SIGNATURE_WRONG',
    plant: async (site) => {
      await site.write('repodata/repomd.xml.asc', 'good');
      site.findSigningKey = async (_content, signature) => (signature === 'good' ? 'KEY' : undefined);
    },
  },
  {
    title: 'a package that the index does not describe',
    code: 'INDEX_LACKS_PACKAGE',
    plant: async (site) => {
      await site.put('delta');
    },
  },
  {
    title: 'a new file under the name of a package that was set aside',
    code: 'INDEX_LACKS_PACKAGE',
    plant: async (site) => site.setAside(await site.put('delta'), 'that of the former file'),
  },
  {
    title: 'a package that came after the last index run',
    code: 'INDEX_PENDING',
    plant: async (site) => {
      await site.put('delta');
      site.isMarked = true;
    },
  },
  {
    title: 'a package that the index describes and that is gone',
    code: 'PACKAGE_NOT_ON_DISK',
    plant: (site) => rm(site.path(ALPHA)),
  },
  {
    title: 'an acknowledged package of another size',
    code: 'PACKAGE_DAMAGED',
    readData: true,
    plant: (site) => appendFile(site.path(ALPHA), '\n'),
  },
  {
    title: 'an acknowledged package with another byte, as only its digest tells',
    code: 'PACKAGE_DAMAGED',
    readData: true,
    plant: (site) => site.damage(ALPHA),
  },
  {
    title: 'a package that no client uploaded, of another size',
    code: 'PACKAGE_SIZE_WRONG',
    readData: true,
    plant: async (site) => {
      await site.records.forget(REPOSITORY, [ALPHA], Date.now());
      await appendFile(site.path(ALPHA), '\n');
    },
  },
  {
    title: 'a package that no client uploaded, with another byte',
    code: 'PACKAGE_DIGEST_WRONG',
    readData: true,
    plant: async (site) => {
      await site.records.forget(REPOSITORY, [ALPHA], Date.now());
      await site.damage(ALPHA);
    },
  },
  ...(['PACKAGE_DAMAGED', 'PACKAGE_UNDESCRIBABLE', 'PACKAGE_HELD_BACK'] as const).map(
    (code): Fault => ({
      title: `a package of which the service knows that it is ${code}`,
      code,
      readData: true,
      plant: async (site) => {
        const identity = identityAt(site.path(ALPHA)) ?? '';
        const fault = { repository: REPOSITORY, location: ALPHA, identity, reason: 'a reason', sinceMs: 0 };
        await site.records.savePackageFaults([{ ...fault, code }]);
      },
    }),
  ),
  {
    title: 'a package that the index of another program names, and that is a symbolic link',
    code: 'WOULD_LEAVE_INDEX',
    plant: async (site) => {
      site.isOwnIndex = false;
      await rename(site.path(ALPHA), site.path('../alpha'));
      await symlink(site.path('../alpha'), site.path(ALPHA));
    },
  },
  {
    title: 'a package that the index of another program does not name',
    code: 'PACKAGE_HELD_BACK',
    plant: async (site) => {
      site.isOwnIndex = false;
      await site.put('delta');
    },
  },
  {
    title: 'a package that is indexed and none',
    code: 'PACKAGE_UNREADABLE',
    readData: true,
    plant: (site) => indexInstead(site, Buffer.from('garbage')),
  },
  {
    title: 'a package that is indexed and has no name in its header',
    code: 'PACKAGE_UNREADABLE',
    readData: true,
    plant: (site) => indexInstead(site, craftRpm({ name: 'alpha', editHeader: dropTags(Tag.NAME) })),
  },
  {
    title: 'a package that is indexed and whose header has another byte than its digest is of',
    code: 'PACKAGE_UNREADABLE',
    readData: true,
    plant: (site) => {
      const text = craftRpm({ name: 'alpha', summary: 'a word' }).toString('latin1');
      return indexInstead(site, Buffer.from(text.replace('a word', 'a lord'), 'latin1'));
    },
  },
  {
    title: 'a package that is set aside',
    code: 'PACKAGE_SET_ASIDE',
    plant: async (site) => site.setAside(await site.put('delta')),
  },
  {
    title: 'a package that is set aside and in the index',
    code: 'SET_ASIDE_IN_INDEX',
    plant: async (site) => site.setAside(ALPHA),
  },
  {
    title: 'a package that only its owner may read',
    code: 'FILE_MODE_WRONG',
    plant: (site) => chmod(site.path(ALPHA), 0o600),
  },
  {
    title: 'a metadata file that only its owner may read',
    code: 'FILE_MODE_WRONG',
    plant: async (site) => chmod(site.path((await site.data('primary')).href), 0o600),
  },
  {
    title: 'a repomd.xml that only its owner may read',
    code: 'FILE_MODE_WRONG',
    plant: (site) => chmod(site.path('repodata/repomd.xml'), 0o600),
  },
  ...['..', '', 'repodata'].map(
    (directory): Fault => ({
      title: `a link in the place of a directory (${directory || '.'})`,
      code: 'DIRECTORY_IS_LINK',
      plant: async (site) => {
        const path = join(site.repositoryDir, directory);
        const moved = join(site.repositoryDir, '../../moved');
        await rename(path, moved);
        await symlink(moved, path);
      },
    }),
  ),
  {
    title: 'an acknowledged package that is lost',
    code: 'RECEIPT_WITHOUT_PACKAGE',
    plant: async (site) => {
      const location = await site.put('delta');
      await site.acknowledge(location);
      await rm(site.path(location));
    },
  },
  {
    title: 'a receipt of another digest',
    code: 'RECEIPT_DISAGREES',
    plant: async (site) => changeReceipt(site, { sha256: sha256('') }),
  },
  {
    title: 'a receipt of another size',
    code: 'PACKAGE_DAMAGED',
    plant: async (site) => changeReceipt(site, { sizeBytes: (await sizeOf(site.path(ALPHA))) + 1 }),
  },
  {
    title: 'a receipt that does not know of the index',
    code: 'RECEIPT_NOT_PUBLISHED',
    plant: async (site) => changeReceipt(site, { publishedAtMs: undefined }),
  },
  ...['.hidden.rpm', 'Packages/.hidden/x.rpm', 'notes.txt', 'Packages/repodata/primary.xml'].map(
    (location): Fault => ({
      title: `a file that no index run looks at: ${location}`,
      code: 'FILE_NOT_INDEXED',
      plant: (site) => site.write(location, 'anything'),
    }),
  ),
  {
    title: 'a package with a line break in its name',
    code: 'FILE_NOT_INDEXED',
    plant: (site) => site.write('Packages/two\nlines.rpm', 'anything'),
  },
  {
    title: 'a package whose name is no UTF-8',
    code: 'FILE_NOT_INDEXED',
    plant: (site) => link(site.path(ALPHA), Buffer.from(site.path('Packages/\u00e9.rpm'), 'latin1')),
  },
  {
    title: 'a symbolic link to a package',
    code: 'FILE_NOT_INDEXED',
    plant: (site) => symlink(site.path(ALPHA), site.path('Packages/link.rpm')),
  },
  {
    title: 'a file in repodata/ that repomd.xml does not name',
    code: 'UNKNOWN_METADATA_FILE',
    plant: (site) => site.write('repodata/comps.xml', '<comps/>'),
  },
];

/** Puts other bytes into the place of a package; index and receipt then say what is true of them. */
async function indexInstead(site: VerifySite, bytes: Buffer): Promise<void> {
  const former = await readFile(site.path(ALPHA));
  await site.write(ALPHA, bytes);
  await site.acknowledge(ALPHA);
  for (const type of PACKAGE_METADATA) {
    await site.editMetadata(type, (xml) =>
      xml
        .replaceAll(sha256(former), sha256(bytes))
        .replace(`size package="${former.length}"`, `size package="${bytes.length}"`),
    );
  }
}

async function addUpdateinfo(site: VerifySite): Promise<void> {
  const xml = '<updates/>\n';
  await site.write('repodata/updateinfo.xml', xml);
  const element =
    `<data type="updateinfo"><checksum type="sha256">${sha256(xml)}</checksum>` +
    '<location href="repodata/updateinfo.xml"/></data>';
  await site.editRepomd((repomd) => repomd.replace('</repomd>', `${element}</repomd>`));
}

async function changeReceipt(
  site: VerifySite,
  change: { sizeBytes?: number; sha256?: string; publishedAtMs?: undefined },
): Promise<void> {
  const receipts = (await site.records.listReceipts(REPOSITORY)).filter(({ location }) => location === ALPHA);
  await site.records.saveReceipts(receipts.map((receipt) => ({ ...receipt, ...change })));
}
