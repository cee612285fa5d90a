using Microsoft.Extensions.Logging;

namespace LatentSync.Attention.Torch.Tests.Hosting;

/// <summary>One line of a log.</summary>
internal sealed record LogEntry(
    string Category,
    LogLevel Level,
    EventId Id,
    string Text,
    Exception? Exception,
    IReadOnlyDictionary<string, object?> Fields
);

/// <summary>Keeps what is logged.</summary>
internal sealed class RecordingLoggerProvider : ILoggerProvider
{
    public List<LogEntry> Entries { get; } = [];

    public ILogger CreateLogger(string categoryName) => new Recorder(this, categoryName);

    public void Dispose() { }

    private sealed class Recorder(RecordingLoggerProvider provider, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        )
        {
            var fields = (state as IEnumerable<KeyValuePair<string, object?>>)?.ToDictionary() ?? [];
            lock (provider.Entries)
            {
                provider.Entries.Add(new LogEntry(category, logLevel, eventId, formatter(state, exception), exception, fields));
            }
        }
    }
}
