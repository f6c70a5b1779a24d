using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace ChainOfSpot.Extensions.AI.Tests;

/// <summary>Keeps every line that is logged: "Level Category: message".</summary>
internal sealed class RecordingLoggerFactory(ConcurrentQueue<string> lines) : ILoggerFactory, ILoggerProvider
{
    /// <summary>Is called with each line, on the thread that logs it.</summary>
    public Action<string>? OnLine { get; init; }

    public ILogger CreateLogger(string categoryName) => new Logger(categoryName, this);

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    private void Add(string line)
    {
        lines.Enqueue(line);
        OnLine?.Invoke(line);
    }

    private sealed class Logger(string category, RecordingLoggerFactory factory) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            factory.Add($"{logLevel} {category}: {formatter(state, exception)}");
    }
}
