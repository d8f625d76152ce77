import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { listPackages } from '../../../src/storage/list-packages.ts';
import { SqliteRecords } from '../../../src/storage/local/sqlite-records.ts';
import { openMetadata } from '../../../src/base/unpack/open-metadata.ts';
import type { FindSigningKey } from '../../../src/indexing/verify/check-generations.ts';
import { parseRepomd, type RepomdData } from '../../../src/rpm/repodata/repomd.ts';
import type { VerifyParts } from '../../../src/indexing/verify/check-repository.ts';
import { type RepositoryReport, verifyRepository } from '../../../src/indexing/verify-repository.ts';
import { craftRpm } from '../../support/craft-rpm.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import { repo } from '../../support/repo.ts';

export const REPOSITORY = repo('9/x86_64');

/** gzip alone and checksums in the names, as an index run writes it. */
export const AS_INDEXED = ['--no-database', '--unique-md-filenames', '--general-compress-type=gz'];

export const PACKAGE_METADATA = ['primary', 'filelists', 'other'] as const;

/** A repository of three crafted packages that createrepo_c indexed and whose receipts are all in order. */
export class VerifySite implements AsyncDisposable {
  readonly repositoryDir: string;
  readonly records: SqliteRecords;
  readonly #root: string;
  isMarked = false;
  /** As if it was published by the service. */
  isOwnIndex = true;
  missingKeys: readonly string[] = [];
  /** Takes no signature for good, when it is set to that. */
  findSigningKey: FindSigningKey | undefined;

  private constructor(root: string) {
    this.#root = root;
    this.repositoryDir = join(root, 'storage', REPOSITORY);
    this.records = new SqliteRecords(join(root, 'state'));
  }

  static async create(createrepoOptions = AS_INDEXED): Promise<VerifySite> {
    const { path } = await createTempDir();
    await mkdir(join(path, 'state'));
    const site = new VerifySite(path);
    for (const name of ['alpha', 'beta', 'gamma']) await site.acknowledge(await site.put(name));
    await site.index(createrepoOptions);
    return site;
  }

  /** Has createrepo_c index what lies there. */
  async index(createrepoOptions = AS_INDEXED): Promise<void> {
    await rm(this.path('repodata'), { recursive: true, force: true });
    await execa('createrepo_c', [...createrepoOptions, this.repositoryDir]);
  }

  async parts(): Promise<VerifyParts> {
    const receipts = await this.records.listReceipts(REPOSITORY);
    const setAside = await this.records.listSetAside(REPOSITORY);
    const packageFaults = await this.records.listPackageFaults(REPOSITORY);
    return {
      directoryOf: () => this.repositoryDir,
      listPackages: () => listPackages(this.repositoryDir),
      signing: this.findSigningKey && {
        findKey: this.findSigningKey,
        findMissingKeys: async () => this.missingKeys,
      },
      isOwnIndex: async () => this.isOwnIndex,
      openMetadata,
      records: {
        receipts: () => receipts,
        setAside: () => setAside,
        packageFaults: () => packageFaults,
        isMarked: async () => this.isMarked,
      },
    };
  }

  async verify(options: { readonly readData: boolean } = { readData: false }): Promise<RepositoryReport> {
    return verifyRepository(REPOSITORY, await this.parts(), options);
  }

  path(location: string): string {
    return join(this.repositoryDir, location);
  }

  /** Puts a package there without the service's knowledge; gives its location. */
  async put(name: string): Promise<string> {
    const location = `Packages/${name}-1.0-1.el9.x86_64.rpm`;
    await this.write(location, craftRpm({ name, files: [{ path: `/opt/${name}`, content: name }] }));
    return location;
  }

  async write(location: string, bytes: Uint8Array | string): Promise<void> {
    await mkdir(dirname(this.path(location)), { recursive: true });
    await writeFile(this.path(location), bytes);
  }

  /** Inverts a byte in the middle. */
  async damage(location: string): Promise<void> {
    const bytes = await readFile(this.path(location));
    const middle = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(middle) ^ 0xff, middle);
    await writeFile(this.path(location), bytes);
  }

  /** Records a package on disk as acknowledged and published. */
  async acknowledge(location: string): Promise<void> {
    const bytes = await readFile(this.path(location));
    await this.records.saveReceipts([
      {
        repository: REPOSITORY,
        location,
        sha256: sha256(bytes),
        nevra: location,
        sizeBytes: bytes.length,
        placedAtMs: 1,
        publishedAtMs: 2,
      },
    ]);
  }

  async setAside(location: string, identity = identityAt(this.path(location)) ?? ''): Promise<void> {
    await this.records.setAside([
      { repository: REPOSITORY, location, identity, reason: 'no XML', sinceMs: 1 },
    ]);
  }

  async data(type: string): Promise<RepomdData> {
    const { data } = parseRepomd(await readFile(this.path('repodata/repomd.xml'), 'utf8'));
    const found = data.find((named) => named.type === type);
    if (found === undefined) throw new Error(`repomd.xml names no ${type}`);
    return found;
  }

  async editRepomd(edit: (xml: string) => string): Promise<void> {
    const path = this.path('repodata/repomd.xml');
    const xml = await readFile(path, 'utf8');
    const edited = edit(xml);
    if (edited === xml) throw new Error('nothing was edited in repomd.xml');
    await writeFile(path, edited);
  }

  /** Changes the text of a metadata file; repomd.xml then says what is true of it. */
  async editMetadata(type: string, edit: (xml: string) => string | Uint8Array): Promise<void> {
    const { href } = await this.data(type);
    const xml = gunzipSync(await readFile(this.path(href))).toString();
    const edited = edit(xml);
    if (edited === xml) throw new Error(`nothing was edited in ${type}`);
    await this.replaceMetadata(type, gzipSync(edited), edited);
  }

  /** Puts other bytes into the place of a metadata file, which repomd.xml then names. */
  async replaceMetadata(type: string, bytes: Uint8Array, content: string | Uint8Array): Promise<void> {
    const { xml, href } = await this.data(type);
    const newHref = `repodata/${sha256(bytes)}-${type}.xml.gz`;
    await rm(this.path(href));
    await this.write(newHref, bytes);
    const element =
      `<data type="${type}"><checksum type="sha256">${sha256(bytes)}</checksum>` +
      `<open-checksum type="sha256">${sha256(content)}</open-checksum><location href="${newHref}"/>` +
      `<size>${bytes.length}</size><open-size>${Buffer.byteLength(content)}</open-size></data>`;
    await this.editRepomd((repomd) => repomd.replace(xml, element));
  }

  /** Every file's name, bytes and times below the root. */
  async snapshot(): Promise<string> {
    const { stdout } = await execa('find', [this.#root, '-printf', '%p %s %m %T@ %C@\n']);
    return stdout.split('\n').toSorted().join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.records.close();
    await rm(this.#root, { recursive: true, force: true });
  }
}

export async function sizeOf(path: string): Promise<number> {
  return (await stat(path)).size;
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function identityAt(path: string): string | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.ino}-${stats.size}-${stats.mtimeNs}`;
}
