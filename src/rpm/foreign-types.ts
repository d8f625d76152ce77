// Types of metadata in repomd.xml that are not derived from the packages: group, updateinfo, modules, ...

/** Types that are derived from the packages: only the engine writes them. */
const DERIVED_TYPE = /^(?:primary|filelists|filelists[-_]ext|other)(?:_|$)/;
// Other names for the same content, which clients prefer: they would hide the metadata that was put. createrepo_c and
// modifyrepo_c append one to another: `group_gz`, `group_zck`, `group_gz_zck`.
const VARIANT_TYPE = /(?:_(?:gz|bz2|xz|lzma|zst|zck|db))+$/;
// Those of them that a file can be unpacked from.
const COMPRESSED_TYPE = /_(?:gz|bz2|xz|zst)$/;
const TYPE = /^[a-z][a-z0-9_-]{0,63}$/;

/** Whether metadata can be put as this type: not a derived one, and no other form of one. */
export function isForeignType(type: string): boolean {
  return TYPE.test(type) && !DERIVED_TYPE.test(type) && !VARIANT_TYPE.test(type);
}

/**
 * The type under which metadata from another program can be put, without the compression in some names; undefined for
 * derived metadata.
 */
export function foreignTypeOf(type: string): string | undefined {
  const bare = type.replace(COMPRESSED_TYPE, '');
  return isForeignType(bare) ? bare : undefined;
}

/**
 * Whether a `<data>` element of the former repomd.xml stays: its type, and the type of which it is another form, are
 * neither replaced nor removed.
 */
export function isCarried(type: string, ended: ReadonlySet<string>): boolean {
  return !DERIVED_TYPE.test(type) && !ended.has(type) && !ended.has(type.replace(VARIANT_TYPE, ''));
}
