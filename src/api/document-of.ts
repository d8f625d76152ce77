import type { TypeOf } from '../base/schema/json-schema.ts';

/**
 * What the service writes by a schema: of a field that takes any text beside some words (`anyOf: [{ enum }, { type: 'string' }]`)
 * only those words: the text is what a client must be ready to read from a newer service, by TypeOf.
 */
export type DocumentOf<Schema> = Unchangeable<TypeOf<OfToday<Schema>>>;

type OfToday<Schema> = Schema extends {
  readonly anyOf: readonly [
    infer Words extends { readonly enum: readonly string[] },
    { readonly type: 'string' },
  ];
}
  ? Words
  : Schema extends object
    ? { readonly [Key in keyof Schema]: OfToday<Schema[Key]> }
    : Schema;

type Unchangeable<Document> = Document extends readonly (infer Item)[]
  ? readonly Unchangeable<Item>[]
  : Document extends object
    ? { readonly [Key in keyof Document]: Unchangeable<Document[Key]> }
    : Document;
