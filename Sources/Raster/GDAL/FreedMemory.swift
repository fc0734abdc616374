// Memory that was freed, given back to the system.
internal import CGDAL

/// Gives freed memory back to the system, which the allocator would keep.
///
/// Buffers of pixels and of libtorch come and go, and what was freed between others cannot always be used again: over a large map that
/// adds up to tens of megabytes. Takes milliseconds. Does nothing where the C library is not glibc.
package func releaseFreedMemory() { cgdal_release_freed_memory() }
