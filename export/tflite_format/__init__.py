"""TFLite: conversion, precisions, flatbuffer, check, runtime."""
