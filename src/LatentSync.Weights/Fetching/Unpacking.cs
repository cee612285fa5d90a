using System.IO.Compression;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Faults;

namespace LatentSync.Weights.Fetching;

/// <summary>Takes the entries that the catalogue names out of an archive; the archive's own names decide nothing.</summary>
internal static class Unpacking
{
    private const int BufferBytes = 1 << 16;
    private const long MaximumBytes = 8L << 30;

    /// <summary>Writes each entry whole; a file that is there stays.</summary>
    internal static IReadOnlyList<(string Path, long Bytes)> Run(
        Stream archive,
        RemoteFile file,
        string folder,
        CancellationToken cancellationToken
    )
    {
        try
        {
            archive.Position = 0;
            using ZipArchive zip = new(archive, ZipArchiveMode.Read, leaveOpen: true);
            List<(string, long)> written = [];
            foreach ((string name, string path) in file.Unpack)
            {
                ZipArchiveEntry entry =
                    zip.GetEntry(name)
                    ?? zip.Entries.FirstOrDefault(e => e.FullName.EndsWith("/" + name, StringComparison.Ordinal))
                    ?? throw Wrong(file, $"it has no {name}");
                string target = Path.Combine(folder, path);
                if (!File.Exists(target))
                {
                    PartialFile.Write(target, stream => Copy(entry, stream, file, cancellationToken));
                }
                written.Add((path, new FileInfo(target).Length));
            }
            return written;
        }
        catch (InvalidDataException e)
        {
            throw Wrong(file, (Sentence)PrintableText.Escape(e.Message));
        }
    }

    private static void Copy(ZipArchiveEntry entry, Stream target, RemoteFile file, CancellationToken cancellationToken)
    {
        using Stream source = entry.Open();
        byte[] buffer = new byte[BufferBytes];
        long done = 0;
        while (source.Read(buffer) is > 0 and int read)
        {
            cancellationToken.ThrowIfCancellationRequested();
            done += read;
            if (done > Math.Min(entry.Length, MaximumBytes))
            {
                throw Wrong(file, $"{entry.FullName} is longer than it says");
            }
            target.Write(buffer, 0, read);
        }
        if (done != entry.Length)
        {
            throw Wrong(file, $"{entry.FullName} is shorter than it says");
        }
    }

    private static WeightsException Wrong(RemoteFile file, Sentence problem) =>
        new("WGT0208", FaultKind.Failed, $"{file.Path} is no archive as the catalogue expects it: {problem}.");
}
