/** The files that a client takes out of a tarball, the top folder cut off. Throws where the client refuses the tarball. */
export type Reader = (tarball: Buffer) => Promise<ReadonlyMap<string, Buffer>>;
