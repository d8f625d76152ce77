/** A part of an upload whose time is measured. */
export type UploadStage = 'inspect' | 'signature' | 'sign' | 'sync' | 'place';
