using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace LatentSync.Foundation.Files;

/// <summary>
/// Says that a process still writes a file: a small file beside it, locked while the process lives. The system lets go of the lock when the
/// process dies, however it dies. Where locks do not work (some network drives), the file's text decides: machine, process and when that
/// process began, so that a number used again is not mistaken for it.
/// </summary>
internal sealed class PartialFileLock : IDisposable
{
    /// <summary>What follows the private name.</summary>
    internal const string Extension = ".lock";

    private const int MaximumText = 1024;
    private const int Attempts = 20;

    /// <summary>On another machine nobody can be asked: what was not touched for so long is given up.</summary>
    private static readonly TimeSpan GivenUpAfter = TimeSpan.FromDays(1);

    /// <summary>A lock that names nobody belongs to a process that was killed just then, or is writing its name at this moment.</summary>
    private static readonly TimeSpan NamelessAfter = TimeSpan.FromMinutes(1);

    private static readonly Lazy<byte[]> Own = new(() =>
        Encoding.UTF8.GetBytes(Owner(Environment.MachineName, Environment.ProcessId, StartOf(Environment.ProcessId)))
    );

    private readonly string _path;
    private readonly FileStream _stream;

    private PartialFileLock(string path, FileStream stream) => (_path, _stream) = (path, stream);

    /// <summary>Creates and holds the lock.</summary>
    /// <exception cref="IOException">It cannot be created.</exception>
    internal static PartialFileLock Take(string path)
    {
        byte[] text = Own.Value; // before the file is there: a process that is killed between the two leaves one that names nobody
        FileStream stream = Open(path);
        try
        {
            stream.Write(text);
            stream.Flush();
            return new PartialFileLock(path, stream);
        }
        catch
        {
            stream.Dispose();
            File.Delete(path);
            throw;
        }
    }

    /// <summary>True when nobody holds a lock any more, so that it and its file may go.</summary>
    /// <param name="path">The lock's file; need not exist.</param>
    /// <param name="partials">The files it belongs to.</param>
    internal static bool IsAbandoned(string path, IReadOnlyList<string> partials)
    {
        if (FileStatus.Of(path) is { Kind: not FileKind.Regular })
        {
            return false; // opening a pipe of this name would wait for ever
        }
        try
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 1);
            byte[] text = new byte[MaximumText];
            int length = stream.ReadAtLeast(text, MaximumText, throwOnEndOfStream: false);
            if (length == 0 && partials.Count == 0)
            {
                return IsOld(path, NamelessAfter);
            }
            string[] lines = Encoding.UTF8.GetString(text, 0, length).Split('\n');
            if (
                lines.Length < 3
                || lines[0] != Environment.MachineName
                || !int.TryParse(lines[1], NumberStyles.None, CultureInfo.InvariantCulture, out int process)
            )
            {
                return IsOld(path, GivenUpAfter) && partials.All(p => IsOld(p, GivenUpAfter));
            }
            return StartOf(process) is not { } start || start != lines[2];
        }
        catch (FileNotFoundException)
        {
            return partials.All(p => IsOld(p, GivenUpAfter)); // not taken yet, or an older version's
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // held, or not ours
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (OperatingSystem.IsWindows())
        {
            _stream.Dispose(); // what is open cannot be deleted there
        }
        try
        {
            File.Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder is gone, or somebody looks at it: the next sweep finds it abandoned.
        }
        _stream.Dispose();
    }

    // A sweep may look at the file between its making and its locking; it sees that the lock is young and lets go at once.
    private static FileStream Open(string path)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1);
            }
            catch (IOException) when (attempt < Attempts && File.Exists(path))
            {
                Thread.Sleep(attempt);
            }
        }
    }

    /// <summary>A lock's text.</summary>
    internal static string Owner(string machine, int process, string? start) =>
        string.Create(CultureInfo.InvariantCulture, $"{machine}\n{process}\n{start}\n");

    private static bool IsOld(string path, TimeSpan age) =>
        !File.Exists(path) || TimeProvider.System.GetUtcNow() - File.GetLastWriteTimeUtc(path) > age;

    // Seconds: the system's clock ticks are no finer than hundredths, and both readings are of one process.
    private static string? StartOf(int process)
    {
        try
        {
            using Process found = Process.GetProcessById(process);
            return found.StartTime.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            return null; // there is none of this number
        }
    }
}
