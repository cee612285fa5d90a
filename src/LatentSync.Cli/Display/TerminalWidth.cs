namespace LatentSync.Cli.Display;

/// <summary>How many columns a stream's lines may take. Files and pipes have no width: what reads them may look for whole lines.</summary>
internal static class TerminalWidth
{
    /// <summary>Narrower, wrapping would make more lines than sense.</summary>
    private const int Least = 20;

    /// <summary>Columns for standard output; null: not a terminal.</summary>
    public static int? OfOutput => Of(Console.IsOutputRedirected);

    /// <summary>Columns for standard error; null: not a terminal.</summary>
    public static int? OfErrors => Of(Console.IsErrorRedirected);

    private static int? Of(bool isRedirected)
    {
        try
        {
            // The last column stays free: a terminal may begin a new line by itself there.
            return isRedirected || Console.WindowWidth <= 0 ? null : Math.Max(Least, Console.WindowWidth - 1);
        }
        catch (IOException)
        {
            return null; // a console without a window
        }
    }
}
