using System.Text;
using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Video.Tools;

/// <summary>The end of a process's standard error, in bounded memory however much is written and however long its lines are.</summary>
internal sealed class ErrorTail
{
    /// <summary>Characters kept.</summary>
    public const int Capacity = 8192;

    private readonly StringBuilder _kept = new();
    private readonly Lock _lock = new();

    /// <summary>Reads to the end.</summary>
    public async Task ReadAsync(TextReader reader)
    {
        var buffer = new char[2048];
        try
        {
            for (int count; (count = await reader.ReadAsync(buffer).ConfigureAwait(false)) > 0; )
            {
                Append(buffer.AsSpan(0, count));
            }
        }
        catch (IOException)
        {
            // The pipe broke with the process; what was read so far is the tail.
        }
        catch (ObjectDisposedException)
        {
            // The process object was given up while a grandchild kept the pipe open.
        }
    }

    public void Append(ReadOnlySpan<char> text)
    {
        lock (_lock)
        {
            _kept.Append(text);
            if (_kept.Length > Capacity)
            {
                _kept.Remove(0, _kept.Length - Capacity);
            }
        }
    }

    /// <summary>Everything kept, control characters other than line ends replaced.</summary>
    public string Text
    {
        get
        {
            lock (_lock)
            {
                var clean = new StringBuilder(_kept.Length);
                for (int i = 0; i < _kept.Length; i++)
                {
                    char c = _kept[i];
                    clean.Append(
                        c is '\n' || !char.IsControl(c) ? c
                        : c is '\r' ? '\n'
                        : '?'
                    );
                }

                return clean.ToString().Trim();
            }
        }
    }

    /// <summary>It tells of a full disk, a quota or a limit on the size of files.</summary>
    public bool TellsOfAFullDisk
    {
        get
        {
            string text = Text;
            return text.Contains("No space left on device", StringComparison.OrdinalIgnoreCase)
                || text.Contains("File too large", StringComparison.OrdinalIgnoreCase)
                || text.Contains("Disk quota exceeded", StringComparison.OrdinalIgnoreCase);
        }
    }

    /// <summary>The last lines, joined by " | ", each cut to 300 characters; "(it said nothing)" when there are none.</summary>
    /// <param name="count">Lines at most.</param>
    public string LastLines(int count)
    {
        string[] lines = Text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.Length == 0
            ? Sentence.Say("(it said nothing)")
            : string.Join(" | ", lines.TakeLast(count).Select(l => l.Length > 300 ? l[..300] + "..." : l));
    }
}
